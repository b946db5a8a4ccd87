"""All requests made by hand, by the sections of the protocol that they ask about."""

from .http_cases import answers, bodies, content_types, hints, routes
from .table_cases import graphs, one_column, tables, tensors, unnamed, untyped
from .value_cases import cells, csv_bodies, nested, params

SECTIONS = [
    routes,
    content_types,
    bodies,
    tables,
    untyped,
    cells,
    unnamed,
    one_column,
    tensors,
    graphs,
    nested,
    csv_bodies,
    params,
    hints,
    answers,
]
