"""Every operation of the REST API beside the command that does the same; or why there is none.

By the operation's own name, as its function is called. `python -m tests.app.cli.operations` prints the table.
"""

from app import routes
from app.api import health

COMMANDS: dict[str, str] = {
    # models and the hub
    "list_models": "model list", "add_model": "model add", "show_model": "model show", "delete_model": "model delete",
    "change_model": "model change", "retry_model": "model retry", "cancel_model": "model cancel",
    "show_details": "model show", "undo_models": "model undo", "search_hub": "model search",
    "show_hub_model": "model check", "upload_model": "model add", "list_suggested_models": "model suggested",
    "keep_token": "hub-token", "forget_token": "hub-token",
    # datasets
    "list_datasets": "data list", "import_dataset": "import", "show_dataset": "data show",
    "delete_dataset": "data delete", "change_dataset": "data change", "undo_datasets": "data undo",
    "cancel_import": "data cancel", "show_rows": "data rows", "show_rejections": "data rejections",
    "download_rejections": "data rejections", "merge_datasets": "data merge",
    "create_dataset_version": "data filter", "list_dataset_versions": "data versions", "show_lineage": "data lineage",
    "show_difference": "data diff", "edit_row": "data edit", "add_rows": "data add", "export_dataset": "data export",
    "show_dataset_export": "data export", "download_dataset_export": "data export", "show_tokens": "data tokens",
    "count_tokens": "data tokens", "show_totals": "data tokens", "show_health": "data health",
    "check_health": "data health", "show_found_rows": "data found", "fix_finding": "data fix",
    "ignore_finding": "data ignore", "search_rows": "data search", "show_statistics": "data statistics",
    "show_hub_dataset": "data look", "push_dataset": "data push", "show_push": "data push",
    "show_mapping": "data map", "apply_mapping": "data map", "try_mapping": "data map",
    "preview_dataset": "data preview",
    # recipes
    "recipe_schema": "recipe schema", "estimate_recipe": "check", "probe_recipe": "probe", "show_probe": "probe",
    "stop_probe": "probe", "count_rows": "check", "check_recipe": "check", "list_presets": "presets",
    "apply_preset": "train", "list_saved": "recipe list", "show_saved": "recipe show", "save_recipe": "recipe save",
    "rename_saved": "recipe rename", "delete_saved": "recipe delete", "download_saved": "recipe show",
    "diff_recipes": "recipe diff", "export_sky": "export-sky",
    # runs
    "list_runs": "run list", "start_run": "train", "show_run": "run show", "delete_run": "run delete",
    "change_run": "run rename", "change_runs": "run tag", "list_undo": "run undo", "undo_change": "run undo",
    "compare_runs": "compare", "show_diagnosis": "diagnose", "show_metrics": "metrics", "list_metrics": "metrics",
    "show_curves": "metrics", "download_metrics": "metrics", "show_events": "run log",
    "list_checkpoints": "run checkpoints", "delete_checkpoint": "run delete-checkpoint",
    "show_further": "train", "download_run": "export", "stop_run": "run stop",
    "resume_run": "run resume", "create_link": "links make", "list_links": "links list", "revoke_link": "links revoke",
    "show_run_log": "run log", "search_run_log": "run log", "download_run_log": "run log",
    "show_machine": "run machine", "show_stuck": "run stuck", "ask_run": "run stuck", "list_samples": "samples",
    "show_prompts": "project prompts", "change_prompts": "project prompts", "show_script": "script",
    "show_notebook": "script", "show_requirements": "script", "download_tokens": "script", "show_launch": "script",
    "show_queue": "queue", "pause_queue": "queue pause", "resume_queue": "queue resume",
    "change_queue_order": "queue order", "change_queue_settings": "queue set", "free_device": "queue free",
    # sweeps
    "create_sweep": "sweep", "estimate_sweep": "sweeps estimate", "undo_sweeps": "sweeps undo",
    "list_sweeps": "sweeps list", "show_sweep": "sweeps show",
    "delete_sweep": "sweeps delete", "list_trials": "sweeps show", "stop_sweep": "sweeps stop",
    "resume_sweep": "sweeps resume", "add_trials": "sweeps more", "rerun_failed": "sweeps rerun",
    "train_in_full": "sweeps full", "train_on": "sweeps train-on", "pick_better": "sweeps pick",
    "download_trials": "sweeps save", "make_study": "sweeps save", "download_study": "sweeps save",
    # evaluations and exports
    "show_report": "report", "write_report": "report", "download_report": "evaluations save",
    "download_evaluations": "evaluations save", "create_evaluation": "evaluate",
    "undo_evaluations": "evaluations undo", "list_evaluations": "evaluations list",
    "show_evaluation": "evaluations show",
    "tag_evaluation": "evaluations tag", "delete_evaluation": "evaluations delete",
    "list_evaluation_rows": "evaluations rows", "stop_evaluation": "evaluations stop", "create_export": "export",
    "list_exports": "exports list", "estimate_export": "export", "show_export": "exports show",
    "delete_export": "exports delete", "download_export": "export", "push_export": "export",
    "show_export_push": "export",
    # endpoints
    "look_outside": "endpoint look", "list_clients": "endpoint code", "list_endpoints": "endpoint list",
    "create_endpoint": "endpoint create", "serve_run": "serve-run", "show_endpoint": "endpoint show",
    "delete_endpoint": "endpoint delete", "change_endpoint": "endpoint idle", "deploy_endpoint": "endpoint deploy",
    "roll_back_endpoint": "endpoint rollback", "start_endpoint": "endpoint start", "stop_endpoint": "endpoint stop",
    "list_adapters": "endpoint adapter list", "add_adapter": "endpoint adapter add",
    "remove_adapter": "endpoint adapter remove", "put_endpoint_to_sleep": "endpoint sleep",
    "wake_endpoint": "endpoint wake", "promote_endpoint": "endpoint promote", "plan_deployment": "endpoint deploy",
    "start_parity": "endpoint parity", "show_parity": "endpoint parity", "list_runtimes": "runtime list",
    "install_runtime": "runtime install", "show_runtime": "runtime list", "uninstall_runtime": "runtime uninstall",
    "show_runtime_log": "runtime log", "cancel_runtime": "runtime cancel", "go_back": "runtime back",
    "create_benchmark": "benchmark", "list_benchmarks": "benchmarks list", "compare_benchmarks": "benchmarks compare",
    "download_benchmarks": "benchmarks save", "show_benchmark": "benchmarks show",
    "delete_benchmark": "benchmarks delete", "stop_benchmark": "benchmarks stop", "create_tuner": "tune-endpoint",
    "list_tuners": "tuners list", "show_tuner": "tuners show", "delete_tuner": "tuners delete",
    "stop_tuner": "tuners stop", "apply_tuner": "tuners apply", "show_backend_log": "log",
    "search_backend_log": "log", "download_backend_log": "log", "show_work_log": "log", "search_work_log": "log",
    "download_work_log": "log",
    # chats and code
    "list_chats": "chats list", "show_chat": "chats show", "rename_chat": "chats rename",
    "delete_message": "chats delete-message", "undo_chats": "chats undo", "delete_chat": "chats delete",
    "export_chat": "chats show", "share_chat": "chats share",
    "list_chat_links": "chats links", "show_standings": "chats votes", "make_votes_dataset": "chats dataset",
    "make_ratings_dataset": "chats dataset", "ask_about_code": "code", "run_code": "code",
    "list_snippets": "snippets list", "create_snippet": "snippets keep", "show_snippet": "snippets show",
    "rename_snippet": "snippets rename", "delete_snippet": "snippets delete",
    "undo_snippets": "snippets undo",
    "list_snippet_versions": "snippets versions", "create_snippet_version": "snippets update",
    "show_snippet_version": "snippets show", "diff_snippet_versions": "snippets diff",
    "download_snippet": "snippets save",
    # registry and disk
    "list_registered_models": "registry list", "show_registered_model": "registry show",
    "change_registered_model": "registry change", "delete_registered_model": "registry delete",
    "show_registry_log": "registry log", "list_model_versions": "registry show", "keep_model_version": "registry keep",
    "show_model_version": "registry show", "change_model_version": "registry change",
    "delete_model_version": "registry delete", "show_model_card": "registry card", "verify_model_version": "verify",
    "list_aliases": "registry show", "move_alias": "registry promote", "remove_alias": "registry remove-alias",
    "roll_back_alias": "registry rollback", "serve_alias": "registry serve", "serve_version": "registry serve",
    "show_followed": "registry follow", "follow_alias": "registry follow", "unfollow_alias": "registry follow",
    "show_disk": "registry clean-up", "clean_up": "registry clean-up",
    # the studio
    "show_lesson": "lesson", "start_lesson": "lesson", "stop_lesson": "lesson", "list_projects": "project list",
    "create_project": "project create", "show_project": "project show", "show_project_contents": "project show",
    "rename_project": "project rename", "delete_project": "project delete", "set_prices": "project price",
    "archive_project": "project archive", "restore_project": "project restore", "list_keys": "key list",
    "create_key": "key create", "revoke_key": "key revoke", "show_usage": "usage", "list_requests": "requests",
    "show_notifications": "notify show", "change_notifications": "notify set", "try_notifications": "notify test",
    "show_deliveries": "notify log", "list_notifications": "notify list", "read_notifications": "notify read",
    "show_system": "system", "show_system_log": "log", "download_system_log": "log",
}  # fmt: skip

_PAGE = "It fills something of the page, which the command line has in another way: "
_CHAT = "The Chat page keeps talks; `tunesmith chat` asks and keeps nothing."
_JUDGED = "Two answers are judged where both are seen, on the Chat page; `chats votes` and `chats dataset` use it."
_UNDONE = ("chats", "datasets", "evaluations", "models", "snippets", "sweeps")
_UNDO = "For half a minute after a deletion; the commands that delete print the id that undoes it."
WITHOUT: dict[str, str] = {
    "show_studio_health": "It says that a server answers; commands work without one.",
    **{f"list_deleted_{noun}": _UNDO for noun in _UNDONE},
    **{f"free_{noun}": "Half a minute later it is done anyway." for noun in _UNDONE},
    "change_datasets": "A list of ids to change at once is a loop of the shell.",
    "change_models": "A list of ids to change at once is a loop of the shell.",
    "show_token": "`tunesmith doctor` says what is set; the token itself is never shown.",
    "list_charts": f"{_PAGE}`metrics` has every number.",
    "show_plots": f"{_PAGE}`sweeps show` and `sweeps save` have every number.",
    "list_views": f"{_PAGE}`run list --where` in a script of one's own.",
    "save_view": f"{_PAGE}`run list --where` in a script of one's own.",
    "delete_view": f"{_PAGE}`run list --where` in a script of one's own.",
    "show_system_use": "The looks of the last hour are in the memory of the server that took them.",
    "endpoint_stats": "The figures of the last minute are in the memory of the server that passed the requests on.",
    "create_chat": _CHAT,
    "ask_in_chat": _CHAT,
    "answer_again": _CHAT,
    "stop_answering": _CHAT,
    "create_vote": _JUDGED,
    "list_votes": _JUDGED,
    "delete_vote": _JUDGED,
    "create_rating": _JUDGED,
    "list_ratings": _JUDGED,
    "delete_rating": _JUDGED,
}


def operations() -> dict[str, str]:
    """Name of each operation -> its methods and path."""
    listed = [route for noun in (health, *routes.NOUNS) for route in noun.router.routes if route.include_in_schema]
    return {route.name: f"{'/'.join(sorted(route.methods))} {routes.BELOW}{route.path}" for route in listed}


if __name__ == "__main__":
    for name, called in operations().items():
        reason = WITHOUT.get(name, "NOTHING")
        print(f"{called:<72} {f'tunesmith {COMMANDS[name]}' if name in COMMANDS else reason}")
