"""Every setting of the studio, read from the environment (prefix `TUNESMITH_`) at call time."""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "TUNESMITH_"


class Settings(BaseSettings):
    """A field `x` is the environment variable `TUNESMITH_X`; docs/operations.md lists them all."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    home: Path = Field(default=Path("~/.tunesmith"), description="Folder that holds everything the studio keeps.")
    host: str = Field(default="127.0.0.1", description="Address the studio listens on.")
    port: int = Field(default=7860, ge=0, le=65535, description="Port the studio listens on; 0 takes a free one.")
    token: SecretStr | None = Field(
        default=None, description="Access token. Random at each start, and printed, when not set."
    )
    password: SecretStr | None = Field(
        default=None,
        description="Password of the login page. Required when the studio can be reached from other machines.",
    )
    allowed_hosts: str = Field(
        default="", description="Further host names the studio answers to, separated by commas (behind a proxy)."
    )
    trust_proxy: bool = Field(
        default=False, description="Believe X-Forwarded-* headers. Only behind a reverse proxy that sets them."
    )
    database_url: str | None = Field(
        default=None, description="Database other than the SQLite file under the home, e.g. postgresql+psycopg://..."
    )
    redis_url: str | None = Field(default=None, description="Redis for the task queue instead of the SQLite file.")
    vllm_python: Path | None = Field(
        default=None, description="Python of an environment that has vLLM, if not the one under the home."
    )
    max_upload_gb: float = Field(default=20, gt=0, description="Largest file that may be uploaded, in gigabytes.")
    reports: bool = Field(
        default=True, description="Whether a report is written by itself after every run that has succeeded."
    )
    stuck_seconds: float = Field(
        default=300, gt=0, description="Least seconds without a sign of life after which a training counts as stuck."
    )
    log_days: int = Field(default=30, ge=1, le=3660, description="Days that the log of requests to /v1 is kept.")
    log_content: bool = Field(
        default=False, description="Keep what is asked and answered on /v1 in that log, 16 KiB of each."
    )
    log_content_days: int = Field(default=7, ge=1, le=3660, description="Days that such contents are kept.")
    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR.")


def settings() -> Settings:
    """The settings as the environment has them now."""
    return Settings()


def place(name: Literal["home", "database_url", "redis_url"]) -> str:
    """One of the settings that say where things are, "" when it has no value: asked too often to read all of them."""
    variable, default = _PLACES[name]
    return os.environ.get(variable) or default


_PLACES = {
    name: (f"{PREFIX}{name.upper()}", str(Settings.model_fields[name].default or ""))
    for name in ("home", "database_url", "redis_url")
}
