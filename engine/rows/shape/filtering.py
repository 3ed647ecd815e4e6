"""Filter: keeps or drops the rows that meet conditions on their text, length, roles or columns.

Regular expressions are RE2's, whose time grows with the text only: none can hang the studio, and lookarounds and
backreferences do not exist.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, Self

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from engine.rows.shape import operation, texts

WHERE = "Where to look: anywhere (in the text), question, answer, system, or every column."


class _Condition(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def words(self) -> str:
        raise NotImplementedError

    def met(self, batch: pa.RecordBatch) -> pa.Array:
        """True for each row that meets it."""
        raise NotImplementedError


class Contains(_Condition):
    test: Literal["contains"] = Field(default="contains", description="The text has these words in it.")
    text: str = Field(min_length=1, max_length=1000, description="What to look for.")
    where: texts.Where = Field(default="anywhere", description=WHERE)
    ignore_case: bool = Field(default=True, description="Whether small and capital letters are the same.")

    def words(self) -> str:
        return f"{_place(self.where)} contains “{self.text}”"

    def met(self, batch: pa.RecordBatch) -> pa.Array:
        return texts.having(texts.texts(batch, self.where), self.text, self.ignore_case)


class Matches(_Condition):
    test: Literal["matches"] = Field(default="matches", description="The text matches a regular expression (RE2).")
    pattern: str = Field(min_length=1, max_length=1000, description="The expression, such as ^Sorry|I cannot.")
    where: texts.Where = Field(default="anywhere", description=WHERE)
    ignore_case: bool = Field(default=False, description="Whether small and capital letters are the same.")

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            pc.match_substring_regex(pa.array([""]), pattern)
        except pa.ArrowInvalid as error:
            raise ValueError(f"{error} (lookarounds and backreferences do not exist here)") from error
        return pattern

    def words(self) -> str:
        return f"{_place(self.where)} matches /{self.pattern}/"

    def met(self, batch: pa.RecordBatch) -> pa.Array:
        return pc.match_substring_regex(texts.texts(batch, self.where), self.pattern, ignore_case=self.ignore_case)


class Length(_Condition):
    test: Literal["length"] = Field(default="length", description="The text has so many characters.")
    least: int = Field(default=0, ge=0, description="At least so many characters.")
    most: int | None = Field(default=None, ge=0, description="At most so many; no limit when left out.")
    where: texts.Where = Field(default="anywhere", description=WHERE)

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.most is not None and self.most < self.least:
            raise ValueError("`least` must not be above `most`")
        return self

    def words(self) -> str:
        upper = "" if self.most is None else f" and at most {self.most:,}"
        return f"{_place(self.where)} has at least {self.least:,}{upper} characters"

    def met(self, batch: pa.RecordBatch) -> pa.Array:
        lengths = pc.utf8_length(texts.texts(batch, self.where))
        enough = pc.greater_equal(lengths, self.least)
        return enough if self.most is None else pc.and_(enough, pc.less_equal(lengths, self.most))


class HasRole(_Condition):
    test: Literal["role"] = Field(default="role", description="The row has a turn of this role.")
    role: Literal["system", "user", "assistant", "tool"] = Field(description="The role.")

    def words(self) -> str:
        return f"the row has a turn of the role {self.role}"

    def met(self, batch: pa.RecordBatch) -> pa.Array:
        has_role = pa.array([False] * batch.num_rows)
        for name in batch.schema.names:
            column = batch.column(name)
            if pa.types.is_list(column.type) and pa.types.is_struct(column.type.value_type):
                roles = pc.struct_field(column.flatten(), "role")
                rows = pc.list_parent_indices(column).filter(pc.equal(roles, self.role))
                has_role = pc.or_(has_role, pc.is_in(pa.array(range(batch.num_rows)), pc.cast(rows, pa.int64())))
        return has_role


class Column(_Condition):
    test: Literal["column"] = Field(default="column", description="A column has this value.")
    name: str = Field(min_length=1, max_length=200, description="A column beside what is learnt, or `label`.")
    equals: str = Field(max_length=1000, description="The value as it is written: word, 3, true.")

    def words(self) -> str:
        return f"{self.name} is {self.equals}"

    def met(self, batch: pa.RecordBatch) -> pa.Array:
        return pa.array([cell == self.equals for cell in texts.cells(batch, self.name)], pa.bool_())


Condition = Annotated[Contains | Matches | Length | HasRole | Column, Field(discriminator="test")]


class Filter(operation.Shaping):
    """Keeps (or drops) the rows that meet all (or any) of the conditions."""

    op: Literal["filter"] = Field(default="filter", description="Keep or drop rows by conditions.")
    conditions: tuple[Condition, ...] = Field(min_length=1, max_length=20, description="What to look at.")
    meet: Literal["all", "any"] = Field(default="all", description="Whether a row must meet all of them or any.")
    then: Literal["keep", "drop"] = Field(default="keep", description="What happens to the rows that do.")

    def words(self) -> str:
        joiner = " and " if self.meet == "all" else " or "
        verb = "kept" if self.then == "keep" else "dropped"
        return f"{verb} the rows where {joiner.join(condition.words() for condition in self.conditions)}"

    def run(self, parents: Sequence[operation.Parent], workspace: operation.Workspace) -> Iterator[pa.RecordBatch]:
        (parent,) = parents
        for batch in workspace.read(parent):
            yield batch.filter(self._kept(batch))

    def _kept(self, batch: pa.RecordBatch) -> pa.Array:
        join = pc.and_ if self.meet == "all" else pc.or_
        met = self.conditions[0].met(batch)
        for condition in self.conditions[1:]:
            met = join(met, condition.met(batch))
        met = pc.fill_null(met, False)
        return met if self.then == "keep" else pc.invert(met)


def _place(where: texts.Where) -> str:
    if where == "every column":
        return "any column"
    return "the text" if where == "anywhere" else f"the {where}"
