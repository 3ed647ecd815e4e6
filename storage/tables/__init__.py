"""The studio's tables: what exists, and how one thing leads to the next.

Project -> Dataset -> Run -> Metric, MetricSummary, Transition        Model -> Run       Dataset -> Work
           Project -> SavedView, RunUndo
           Run -> Export -> Work                       Run, Model -> Evaluation -> Work
           Run -> Endpoint -> Backend -> Transition    Project -> Chat -> Message
                             Backend -> ServedAdapter
           ApiKey -> LoggedRequest, Usage
           Project -> Snippet -> SnippetVersion
                  Endpoint -> Benchmark -> Work, Tuner -> Benchmark
           Run -> Run (the one it starts after), QueueState    PoliteSleep -> Run, Endpoint
           RegisteredModel -> ModelVersion -> Run, Export or Model
           Project -> Sweep -> SweepTrial -> Run        Sweep -> TrialPick
           Dataset -> TuningFile -> TuningJob -> Run
           RegisteredModel -> ModelAlias -> AliasFollower -> Endpoint, RegistryMove
           Transition -> Notification -> Delivery -> NotificationSink        Run -> LiveLink

Times are seconds since 1970 (UTC). Ids are known before a row is saved.
"""

from storage.tables.benchmarks import Benchmark as Benchmark
from storage.tables.benchmarks import Tuner as Tuner
from storage.tables.chats import Chat as Chat
from storage.tables.chats import Message as Message
from storage.tables.columns import DEFAULT_PROJECT as DEFAULT_PROJECT
from storage.tables.columns import new_id as new_id
from storage.tables.datasets import Dataset as Dataset
from storage.tables.endpoints import Backend as Backend
from storage.tables.endpoints import Endpoint as Endpoint
from storage.tables.evaluations import Evaluation as Evaluation
from storage.tables.exports import Export as Export
from storage.tables.finetuning import TuningFile as TuningFile
from storage.tables.finetuning import TuningJob as TuningJob
from storage.tables.keys import ApiKey as ApiKey
from storage.tables.leases import Lease as Lease
from storage.tables.lessons import Lesson as Lesson
from storage.tables.models import Model as Model
from storage.tables.outgoing import Delivery as Delivery
from storage.tables.outgoing import LiveLink as LiveLink
from storage.tables.outgoing import Notification as Notification
from storage.tables.outgoing import NotificationSink as NotificationSink
from storage.tables.outgoing import NotificationState as NotificationState
from storage.tables.projects import Project as Project
from storage.tables.queue import PoliteSleep as PoliteSleep
from storage.tables.queue import QueueState as QueueState
from storage.tables.registry import AliasFollower as AliasFollower
from storage.tables.registry import ModelAlias as ModelAlias
from storage.tables.registry import ModelVersion as ModelVersion
from storage.tables.registry import RegisteredModel as RegisteredModel
from storage.tables.registry import RegistryMove as RegistryMove
from storage.tables.run_facts import RunFacts as RunFacts
from storage.tables.run_lists import RunUndo as RunUndo
from storage.tables.run_lists import SavedView as SavedView
from storage.tables.runs import Metric as Metric
from storage.tables.runs import MetricSummary as MetricSummary
from storage.tables.runs import Run as Run
from storage.tables.runs import Sample as Sample
from storage.tables.served_adapters import ServedAdapter as ServedAdapter
from storage.tables.snippets import Snippet as Snippet
from storage.tables.snippets import SnippetVersion as SnippetVersion
from storage.tables.sweeps import Sweep as Sweep
from storage.tables.sweeps import SweepTrial as SweepTrial
from storage.tables.sweeps import TrialPick as TrialPick
from storage.tables.transitions import Transition as Transition
from storage.tables.usage import LoggedRequest as LoggedRequest
from storage.tables.usage import Usage as Usage
from storage.tables.work import Work as Work
