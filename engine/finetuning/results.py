"""What a job that succeeded leaves beside its model: the numbers of each step as CSV, and how many tokens were learned.

Nothing is kept for it: a file of `file-results-` and the job's own letters is made of the run's metrics when read.
"""

from collections.abc import Iterator, Sequence

from engine.finetuning import jobs
from engine.finetuning.jobs import Known
from engine.finetuning.wrong import ParameterError
from engine.runs import metric_table
from storage import db
from storage import runs as stored_runs
from storage.run_lists import summaries
from storage.tables import TuningJob

PREFIX = "file-results-"
FILENAME = "step_metrics.csv"
TOKENS = "num_tokens"
COLUMNS = {  # a metric of the run: its column, by OpenAI's name
    "loss": "train_loss",
    "mean_token_accuracy": "train_mean_token_accuracy",
    "eval_loss": "valid_loss",
    "eval_mean_token_accuracy": "valid_mean_token_accuracy",
}


def file_id(job: TuningJob) -> str:
    return PREFIX + job.id.removeprefix("ftjob-")


def is_one(text: str) -> bool:
    """Whether a file's id names the numbers of a job."""
    return text.startswith(PREFIX)


def look_up(text: str) -> Known:
    """The job whose numbers a file's id names. Raises ParameterError (404) where there are none."""
    missing = ParameterError(f"There is no file `{text:.80}`.", "id", "file_not_found", 404)
    try:
        known = jobs.look_up(f"ftjob-{text.removeprefix(PREFIX)}")
    except ParameterError as error:
        raise missing from error
    if known.status != "succeeded" or known.run is None:
        raise missing
    return known


def csv_lines(known: Known) -> Iterator[str]:
    """The file in pieces: `step`, and of COLUMNS those that the run has numbers of."""
    run_id = known.run.id if known.run is not None else ""
    with db.reading() as session:
        there = stored_runs.metric_names(session, run_id)
    metrics = [name for name in COLUMNS if name in there]
    return metric_table.csv_lines(run_id, metrics, [COLUMNS[name] for name in metrics])


def trained_tokens(known: Sequence[Known]) -> dict[str, int]:
    """Job id -> tokens that its training has read so far, padding left out, every epoch counted; by one query."""
    runs = {entry.run.id: entry.job.id for entry in known if entry.run is not None}
    with db.reading() as session:
        counted = summaries.of_runs(session, list(runs), [TOKENS])
    return {runs[run_id]: int(summary.last) for (run_id, _), summary in counted.items()}
