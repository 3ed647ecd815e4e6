"""The languages of the Code room: what a file of each ends in, and what people call them in a fence."""

from dataclasses import dataclass

from engine.errors import RefusedError


@dataclass(frozen=True)
class Language:
    """`ending` of a file's name without its dot; `comment` begins a line of comment; `fences` mark a block of it."""

    name: str
    title: str
    ending: str
    comment: str
    fences: tuple[str, ...] = ()
    other_endings: tuple[str, ...] = ()

    @property
    def main(self) -> str:
        """What its file is called when nobody said."""
        return f"main.{self.ending}"


_ALL = (
    Language("python", "Python", "py", "#", ("py", "python3", "py3")),
    Language("javascript", "JavaScript", "js", "//", ("js", "node", "jsx"), ("mjs", "cjs", "jsx")),
    Language("typescript", "TypeScript", "ts", "//", ("ts", "tsx"), ("tsx",)),
    Language("html", "HTML", "html", "<!--", ("htm", "xhtml"), ("htm",)),
    Language("css", "CSS", "css", "/*"),
    Language("sql", "SQL", "sql", "--", ("sqlite", "postgresql", "mysql")),
    Language("shell", "Shell", "sh", "#", ("sh", "bash", "zsh", "console"), ("bash",)),
    Language("java", "Java", "java", "//"),
    Language("kotlin", "Kotlin", "kt", "//", ("kt",)),
    Language("swift", "Swift", "swift", "//"),
    Language("c", "C", "c", "//", (), ("h",)),
    Language("cpp", "C++", "cpp", "//", ("c++", "cc", "cxx"), ("cc", "hpp", "cxx")),
    Language("csharp", "C#", "cs", "//", ("c#", "cs")),
    Language("go", "Go", "go", "//", ("golang",)),
    Language("rust", "Rust", "rs", "//", ("rs",)),
    Language("php", "PHP", "php", "//"),
    Language("ruby", "Ruby", "rb", "#", ("rb",)),
    Language("r", "R", "r", "#"),
    Language("yaml", "YAML", "yaml", "#", ("yml",), ("yml",)),
    Language("json", "JSON", "json", "//"),
    Language("markdown", "Markdown", "md", "<!--", ("md",)),
)
LANGUAGES = {language.name: language for language in _ALL}
_BY_FENCE = {word: language for language in _ALL for word in (language.name, *language.fences)}
_BY_ENDING = {ending: language for language in _ALL for ending in (language.ending, *language.other_endings)}


def named(name: str) -> Language:
    """The language of that name, or of what a fence calls it. Raises RefusedError."""
    language = of_fence(name)
    if language is None:
        raise RefusedError(f"`{name[:60]}` is not a language here.", f"Use one of: {', '.join(LANGUAGES)}.")
    return language


def of_fence(word: str) -> Language | None:
    """The language that a fence names, if it is known."""
    return _BY_FENCE.get(word.strip().lower())


def of_file(name: str) -> Language | None:
    """The language of a file by the end of its name, if it is known."""
    return _BY_ENDING.get(name.rpartition(".")[2].lower()) if "." in name else None
