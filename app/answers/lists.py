"""What lists of datasets and models can be asked for over REST: a search, filters, an order."""

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import Depends, Query

from app.answers.fields import ProjectFilter
from storage.lists import datasets, models
from storage.statuses import DatasetStatus, ModelStatus

Word = Annotated[str, Query(max_length=120)]
Search = Annotated[
    str, Query(max_length=120, description="Every word has to be in the name, a tag or the description.")
]
Tag = Annotated[str, Query(max_length=40, description="Only those with this tag.")]


def _sort(orders: Iterable[str]) -> Any:
    words = f"One of {', '.join(orders)}; with - before it the greatest first. The newest first if left out."
    return Query(pattern=f"^-?({'|'.join(orders)})$", description=words)


def _datasets(  # noqa: PLR0913  (one argument for each parameter of the list)
    project_id: ProjectFilter = None,
    search: Search = "",
    kind: Annotated[Word, Query(description="Only this kind of rows, such as chat.")] = "",
    status: Annotated[DatasetStatus | None, Query(description="Only these.")] = None,
    tag: Tag = "",
    sort: Annotated[str, _sort(datasets.ORDERS)] = datasets.NEWEST,
    newest_only: Annotated[bool, Query(description="Of each dataset the newest version alone.")] = False,
) -> datasets.Filters:
    return datasets.Filters(project_id, search, kind, status, tag, sort, older_too=not newest_only)


def _models(
    search: Search = "",
    status: Annotated[ModelStatus | None, Query(description="Only these.")] = None,
    source: Annotated[Word, Query(description="Only those from there: starter, hub, path or gguf.")] = "",
    trainable: Annotated[bool | None, Query(description="Only those that can be trained here, or cannot.")] = None,
    tag: Tag = "",
    sort: Annotated[str, _sort(models.ORDERS)] = models.NEWEST,
) -> models.Filters:
    return models.Filters(search, status, source, trainable, tag, sort)


DatasetFilters = Annotated[datasets.Filters, Depends(_datasets)]
ModelFilters = Annotated[models.Filters, Depends(_models)]
