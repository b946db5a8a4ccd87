import asyncio
from functools import partial
from threading import Event, current_thread, main_thread
from time import perf_counter

import pytest
from mlserve.runtimes.errors import DeadlineExceeded, QueueFull, ShuttingDown
from mlserve.serve.batching import Job
from mlserve.serve.dispatch import Dispatcher, Limits
from mlserve.serve.metrics import MetricStore
from mlserve.serve.pace import Pace
from mlserve.serve.predicting import BatchResult


class Model:
    """Answers each job with its number of rows; stands still while its gate is closed."""

    def __init__(self):
        self.gate = Event()
        self.entered = Event()
        self.batches = []
        self.threads = []
        self.gate.set()

    def __call__(self, jobs):
        self.entered.set()
        assert self.gate.wait(20)
        self.batches.append([job.rows for job in jobs])
        self.threads.append(current_thread())
        return BatchResult([b"%d" % job.rows for job in jobs], sum(self.batches[-1]), 0.0, 0.0)

    async def close_gate(self, dispatcher):
        """Keep the one thread busy with a job and return that job."""
        self.gate.clear()
        self.entered.clear()
        job = new_job()
        dispatcher.submit(job)
        await asyncio.to_thread(self.entered.wait, 20)
        return job


def new_job(rows=1, key="rows"):
    answer = asyncio.get_running_loop().create_future()
    return Job([(0.0,)] * rows, rows, {}, key, False, perf_counter(), answer)


def run(scenario, pace=None, **limits):
    """Run ``scenario(model, dispatcher)`` on a loop of its own and end the dispatcher."""

    async def main():
        model = Model()
        dispatcher = Dispatcher(model, 1, Limits(**limits), MetricStore().recorder(), pace)
        try:
            await asyncio.wait_for(scenario(model, dispatcher), 30)
        finally:
            model.gate.set()
            await dispatcher.close()

    asyncio.run(main())


def test_a_job_is_answered():
    async def scenario(_, dispatcher):
        job = new_job(3)
        dispatcher.submit(job)
        assert await job.answer == b"3"

    run(scenario)


def test_what_waits_behind_a_busy_model_shares_the_next_batch():
    async def scenario(model, dispatcher):
        first = await model.close_gate(dispatcher)
        jobs = [new_job() for _ in range(10)]
        for job in jobs:
            dispatcher.submit(job)
        model.gate.set()
        await asyncio.gather(first.answer, *(job.answer for job in jobs))
        assert model.batches == [[1], [1] * 10]

    run(scenario)


def test_a_full_queue_refuses_at_once():
    async def scenario(model, dispatcher):
        await model.close_gate(dispatcher)
        dispatcher.submit(new_job(5))
        with pytest.raises(QueueFull, match="5 rows"):
            dispatcher.submit(new_job())

    run(scenario, max_queue_rows=5)


def test_an_empty_queue_takes_a_job_of_any_size():
    async def scenario(_, dispatcher):
        job = new_job(50)
        dispatcher.submit(job)
        assert await job.answer == b"50"

    run(scenario, max_queue_rows=5)


def test_a_job_that_is_not_answered_in_time_is_told_so():
    async def scenario(model, dispatcher):
        job = await model.close_gate(dispatcher)
        with pytest.raises(DeadlineExceeded, match=r"0\.05 s"):
            await job.answer

    run(scenario, timeout_seconds=0.05)


def test_the_service_goes_on_after_a_deadline():
    async def scenario(model, dispatcher):
        late = await model.close_gate(dispatcher)
        with pytest.raises(DeadlineExceeded):
            await late.answer
        model.gate.set()
        job = new_job(2)
        dispatcher.submit(job)
        assert await job.answer == b"2"

    run(scenario, timeout_seconds=0.2)


def test_closing_waits_for_what_was_accepted():
    async def scenario(model, dispatcher):
        first = await model.close_gate(dispatcher)
        second = new_job()
        dispatcher.submit(second)
        closing = asyncio.create_task(dispatcher.close())
        await asyncio.sleep(0)
        assert not closing.done()
        model.gate.set()
        await closing
        assert first.answer.result() == second.answer.result() == b"1"

    run(scenario)


def test_nothing_is_accepted_after_closing():
    async def scenario(_, dispatcher):
        await dispatcher.close()
        with pytest.raises(ShuttingDown):
            dispatcher.submit(new_job())

    run(scenario)


def test_a_fault_in_a_prediction_thread_is_given_to_its_jobs_and_the_thread_lives():
    async def scenario(model, dispatcher):
        model.gate = None
        job = new_job()
        dispatcher.submit(job)
        with pytest.raises(AttributeError):
            await job.answer
        model.gate = Event()
        model.gate.set()
        healthy = new_job()
        dispatcher.submit(healthy)
        assert await healthy.answer == b"1"

    run(scenario)


def test_jobs_wait_for_company_as_long_as_they_are_told_to():
    async def scenario(model, dispatcher):
        first, second = new_job(), new_job()
        dispatcher.submit(first)
        await asyncio.sleep(0)
        assert model.batches == []
        dispatcher.submit(second)
        await asyncio.gather(first.answer, second.answer)
        assert model.batches == [[1, 1]]

    run(scenario, max_wait_seconds=0.2)


def test_a_full_batch_does_not_wait_for_company():
    async def scenario(model, dispatcher):
        first, second = new_job(), new_job()
        dispatcher.submit(first)
        await asyncio.sleep(0)
        dispatcher.submit(second)
        await asyncio.gather(first.answer, second.answer)
        assert model.batches == [[1, 1]]

    run(scenario, max_wait_seconds=3600.0, max_batch_rows=2)


async def _answer_one(_, dispatcher, rows=1):
    job = new_job(rows)
    dispatcher.submit(job)
    return await job.answer


def test_a_quick_model_is_asked_on_the_loop_once_it_is_known_to_be_quick():
    async def scenario(model, dispatcher):
        await _answer_one(model, dispatcher)
        await _answer_one(model, dispatcher)
        assert model.threads[0] is not main_thread()
        assert model.threads[1] is main_thread()

    run(scenario, Pace())


def test_a_large_batch_goes_to_a_thread_even_where_small_ones_are_quick():
    async def scenario(model, dispatcher):
        await _answer_one(model, dispatcher)
        await _answer_one(model, dispatcher, rows=1000)
        assert model.threads[1] is not main_thread()

    run(scenario, Pace())


def test_without_a_pace_the_loop_is_never_blocked():
    async def scenario(model, dispatcher):
        for _ in range(3):
            await _answer_one(model, dispatcher)
        assert main_thread() not in model.threads

    run(scenario)


def test_work_aside_is_done_in_a_thread_of_its_own():
    async def scenario(model, dispatcher):
        await model.close_gate(dispatcher)
        thread = await dispatcher.aside(current_thread)
        assert thread not in (main_thread(), *dispatcher._threads)

    run(scenario)


def test_what_work_aside_raises_is_passed_on():
    async def scenario(_, dispatcher):
        with pytest.raises(ZeroDivisionError):
            await dispatcher.aside(lambda: 1 / 0)

    run(scenario)


def test_work_aside_has_a_deadline_too():
    async def scenario(model, dispatcher):
        model.gate.clear()
        with pytest.raises(DeadlineExceeded):
            await dispatcher.aside(partial(model.gate.wait, 20))

    run(scenario, timeout_seconds=0.05)


def test_no_work_is_done_aside_after_closing():
    async def scenario(_, dispatcher):
        await dispatcher.close()
        with pytest.raises(ShuttingDown):
            await dispatcher.aside(current_thread)

    run(scenario)


def test_a_job_that_is_alone_does_not_wait_for_the_loops_next_turn():
    async def scenario(model, dispatcher):
        await _answer_one(model, dispatcher)
        job = new_job()
        dispatcher.submit(job, is_alone=True)
        assert job.answer.done()

    run(scenario, Pace())


def test_a_job_that_only_seems_alone_shares_a_batch_with_what_waits():
    async def scenario(model, dispatcher):
        await _answer_one(model, dispatcher)
        first, second = new_job(), new_job()
        dispatcher.submit(first)
        dispatcher.submit(second, is_alone=True)
        await asyncio.gather(first.answer, second.answer)
        assert model.batches == [[1], [1, 1]]

    run(scenario, Pace())
