"""Snippets over REST: code that is kept under a name, its versions, what differs, downloads."""

from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Response
from pydantic import Field

from app.answers.errors import CONFLICT, NOT_FOUND
from app.answers.fields import Answer, Body, Limit, Name, Offset, PathId, ProjectFilter, RowId, total
from app.api import undo
from engine import names
from engine.code import deleting, file_names, languages, snippets, wanted
from engine.errors import NotFoundError
from storage.tables import DEFAULT_PROJECT, Snippet, SnippetVersion

router = APIRouter(prefix="/snippets", tags=["code"])

Words = Annotated[str, Query(max_length=1000, description="Words in name, task, language or newest code; all of them.")]
Number = Annotated[int, Query(ge=1, le=snippets.MOST_VERSIONS, description="The number of a version.")]
Files = Annotated[
    dict[str, str],
    Field(description=f"Texts of files by their names; at most {file_names.MOST_FILES}, 1 MB together."),
]
FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file, or a zip archive.", "content": {"application/zip": {}, "text/plain": {}}}
}
DIFF: dict[int | str, dict[str, Any]] = {200: {"description": "A unified diff.", "content": {"text/plain": {}}}}


class OriginBody(Body):
    """The files of a version, and where they come from."""

    files: Files
    note: str = Field(default="", max_length=snippets.MOST_NOTE, description="A remark about this version.")
    model: str = Field(default="", max_length=300, description="The model that wrote it; empty for a person.")
    action: str = Field(default="", max_length=60, description="What the model did, such as fix.")
    answer: str = Field(default="", max_length=snippets.MOST_ANSWER, description="The model's own words.")
    result: dict[str, Any] | None = Field(default=None, description="What a run of it gave.")

    def origin(self) -> snippets.Origin:
        return snippets.Origin(
            note=self.note, model=self.model, action=self.action, answer=self.answer, result=self.result
        )


class SnippetBody(OriginBody):
    name: Name = Field(description="What lists show.")
    language: str = Field(default="python", max_length=60, description="The language of the code.")
    task: str = Field(default="", max_length=wanted.MOST_TASK, description="What was wanted, in words.")
    project_id: RowId = Field(default=DEFAULT_PROJECT, description="The project it will belong to.")


class RenameSnippetBody(Body):
    name: Name = Field(description="What lists will show.")


class SnippetAnswer(Answer):
    id: str = Field(description="The snippet's id.")
    project_id: str = Field(description="The project it belongs to.")
    name: str = Field(description="What lists show.")
    language: str = Field(description="The language of the code.")
    task: str = Field(description="What was wanted, in words.")
    newest: int = Field(description="The number of the newest version.")
    created_at: float = Field(description="Seconds since 1970, UTC.")
    updated_at: float = Field(description="When it got its newest version or name.")


class SnippetVersionLineAnswer(Answer):
    number: int = Field(description="From 1.")
    note: str = Field(description="A remark about this version.")
    model: str = Field(description="The model that wrote it; empty for a person.")
    action: str = Field(description="What the model did, such as fix.")
    created_at: float = Field(description="Seconds since 1970, UTC.")


class SnippetVersionAnswer(SnippetVersionLineAnswer):
    files: dict[str, str] = Field(description="Texts of files by their names.")
    answer: str = Field(description="The model's own words.")
    result: dict[str, Any] | None = Field(description="What a run of it gave, if it ran.")


class WholeSnippetAnswer(SnippetAnswer):
    version: SnippetVersionAnswer = Field(description="The newest version, with its files.")


@router.get("", summary="List snippets")
def list_snippets(
    response: Response, query: Words = "", project_id: ProjectFilter = None, offset: Offset = 0, limit: Limit = 100
) -> list[SnippetAnswer]:
    """The snippets without their files, the last changed first. `X-Total-Count` says how many there are."""
    total(response, snippets.count(query, project_id))
    listed = snippets.find(query, limit, offset, project_id)
    newest = snippets.newest_numbers([snippet.id for snippet in listed])
    return [_answer(snippet, newest.get(snippet.id, 0)) for snippet in listed]


@router.post("", status_code=201, summary="Keep code as a snippet", responses=NOT_FOUND)
def create_snippet(body: SnippetBody) -> WholeSnippetAnswer:
    """Keeps files as a new snippet with its first version."""
    made = snippets.create(body.name, body.language, body.task, body.files, body.project_id, **body.origin())
    return _whole(made)


@router.get("/{id}", summary="Show a snippet", responses=NOT_FOUND)
def show_snippet(snippet_id: PathId) -> WholeSnippetAnswer:
    """The snippet with its newest version."""
    return _whole(snippets.get(snippet_id))


@router.patch("/{id}", summary="Rename a snippet", responses=NOT_FOUND)
def rename_snippet(snippet_id: PathId, body: RenameSnippetBody) -> SnippetAnswer:
    """Gives it another name."""
    renamed = snippets.rename(snippet_id, body.name)
    return _answer(renamed, snippets.version(snippet_id).number)


@router.delete("/{id}", status_code=204, summary="Delete a snippet", responses=NOT_FOUND)
def delete_snippet(snippet_id: PathId, response: Response) -> None:
    """Deletes it with all its versions.

    For 30 seconds `POST /api/snippets/undo/{id}` brings it back; the header X-Undo-Id says the id.
    """
    undo.offer(response, deleting.delete(snippet_id))


@router.get("/{id}/versions", summary="Versions of a snippet", responses=NOT_FOUND)
def list_snippet_versions(snippet_id: PathId, offset: Offset = 0, limit: Limit = 100) -> list[SnippetVersionLineAnswer]:
    """The versions without their files, the newest first."""
    return [SnippetVersionLineAnswer.model_validate(line) for line in snippets.versions(snippet_id, limit, offset)]


@router.post("/{id}/versions", status_code=201, summary="Keep a version", responses=NOT_FOUND | CONFLICT)
def create_snippet_version(snippet_id: PathId, body: OriginBody) -> SnippetVersionAnswer:
    """Keeps files as the next version. The same files and result again make none."""
    return _version(snippets.save_version(snippet_id, body.files, **body.origin()))


@router.get("/{id}/version", summary="One version of a snippet", responses=NOT_FOUND)
def show_snippet_version(snippet_id: PathId, number: Number) -> SnippetVersionAnswer:
    """A version with its files."""
    return _version(snippets.version(snippet_id, number))


@router.get("/{id}/diff", summary="What differs between versions", response_class=Response, responses=NOT_FOUND | DIFF)
def diff_snippet_versions(snippet_id: PathId, before: Number, after: Number) -> Response:
    """A unified diff of two versions; empty when nothing differs."""
    return _text(snippets.diff(snippet_id, before, after))


@router.get("/{id}/download", summary="Download a snippet", response_class=Response, responses=NOT_FOUND | FILE)
def download_snippet(
    snippet_id: PathId,
    version: Annotated[int | None, Query(ge=1, description="A version; the newest when left out.")] = None,
    file: Annotated[str | None, Query(max_length=200, description="One of its files.")] = None,
    format: Annotated[Literal["file", "zip"], Query(description="file: one file. zip: all of them.")] = "zip",
) -> Response:
    """All files as a zip archive, or one of them as it is: the main one when `file` is left out."""
    if format == "zip" and file is None:
        name = names.as_file(snippets.get(snippet_id).name, "snippet")
        return _saved(snippets.archive(snippet_id, version), f"{name}.zip", "application/zip")
    files = snippets.version(snippet_id, version).files_json
    language = languages.named(snippets.get(snippet_id).language)
    chosen = wanted.entry(files, language) if file is None else file
    if chosen not in files:
        raise NotFoundError(f"There is no file `{chosen[:80]}` in it.", f"There are: {', '.join(files)[:300]}.")
    return _saved(files[chosen].encode(), chosen.rpartition("/")[2], "text/plain; charset=utf-8")


def _saved(content: bytes, name: str, media_type: str) -> Response:
    """To be saved and never shown: a page of HTML in a snippet must not run as one of the studio's."""
    ascii_name = names.as_file(name, "snippet")
    disposition = f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name)}"
    headers = {"content-disposition": disposition, "x-content-type-options": "nosniff"}
    return Response(content, media_type=media_type, headers=headers)


def _text(text: str) -> Response:
    return Response(text, media_type="text/plain; charset=utf-8", headers={"x-content-type-options": "nosniff"})


def _answer(snippet: Snippet, newest: int) -> SnippetAnswer:
    return SnippetAnswer.model_validate({**snippet.model_dump(), "newest": newest})


def _version(version: SnippetVersion) -> SnippetVersionAnswer:
    facts = {**version.model_dump(), "files": version.files_json, "result": version.result_json}
    return SnippetVersionAnswer.model_validate(facts)


def _whole(snippet: Snippet) -> WholeSnippetAnswer:
    newest = snippets.version(snippet.id)
    facts = {**snippet.model_dump(), "newest": newest.number, "version": _version(newest)}
    return WholeSnippetAnswer.model_validate(facts)
