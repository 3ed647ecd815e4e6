CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
--
INSERT INTO "alembic_version" VALUES('0025');
--
CREATE TABLE alias_follower (
	endpoint_id VARCHAR NOT NULL, 
	registered_id VARCHAR NOT NULL, 
	alias VARCHAR NOT NULL, 
	version_id VARCHAR, 
	backend_id VARCHAR, 
	error VARCHAR, 
	hint VARCHAR, 
	CONSTRAINT pk_alias_follower PRIMARY KEY (endpoint_id), 
	CONSTRAINT fk_alias_follower_endpoint_id_endpoint FOREIGN KEY(endpoint_id) REFERENCES endpoint (id) ON DELETE CASCADE, 
	CONSTRAINT fk_alias_follower_registered_id_registered_model FOREIGN KEY(registered_id) REFERENCES registered_model (id) ON DELETE CASCADE
);
--
CREATE TABLE apikey (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	sha256 VARCHAR NOT NULL, 
	scope VARCHAR NOT NULL, 
	created_at FLOAT NOT NULL, 
	last_used_at FLOAT, 
	revoked_at FLOAT, models JSON, requests_per_minute INTEGER, tokens_per_day BIGINT, expires_at FLOAT, 
	CONSTRAINT pk_apikey PRIMARY KEY (id), 
	CONSTRAINT uq_apikey_sha256 UNIQUE (sha256)
);
--
CREATE TABLE "backend" (
	id VARCHAR NOT NULL, 
	endpoint_id VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	model_id VARCHAR, 
	adapters JSON NOT NULL, 
	options JSON NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	address VARCHAR, 
	served_names JSON NOT NULL, 
	device VARCHAR, 
	error VARCHAR, 
	hint VARCHAR, 
	attempt INTEGER NOT NULL, 
	restarts INTEGER NOT NULL, 
	events_offset BIGINT NOT NULL, 
	created_at FLOAT NOT NULL, 
	ready_at FLOAT, 
	ended_at FLOAT, 
	moved_at FLOAT NOT NULL, 
	rollout JSON DEFAULT '{}' NOT NULL, 
	outcome JSON DEFAULT '{}' NOT NULL, 
	CONSTRAINT pk_backend PRIMARY KEY (id), 
	CONSTRAINT fk_backend_endpoint_id_endpoint FOREIGN KEY(endpoint_id) REFERENCES endpoint (id) ON DELETE CASCADE, 
	CONSTRAINT fk_backend_model_id_model FOREIGN KEY(model_id) REFERENCES model (id)
);
--
CREATE TABLE benchmark (
	id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	endpoint_id VARCHAR NOT NULL, 
	endpoint_name VARCHAR NOT NULL, 
	model VARCHAR NOT NULL, 
	through VARCHAR NOT NULL, 
	load JSON NOT NULL, 
	facts JSON NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	result JSON NOT NULL, 
	error VARCHAR, 
	hint VARCHAR, 
	work_id VARCHAR, 
	key_id VARCHAR, 
	created_at FLOAT NOT NULL, 
	ended_at FLOAT, 
	CONSTRAINT pk_benchmark PRIMARY KEY (id), 
	CONSTRAINT fk_benchmark_project_id_project FOREIGN KEY(project_id) REFERENCES project (id)
);
--
CREATE TABLE chat (
	id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	title VARCHAR NOT NULL, 
	created_at FLOAT NOT NULL, branch_of VARCHAR, deleted_at FLOAT, deletion_id VARCHAR, 
	CONSTRAINT pk_chat PRIMARY KEY (id), 
	CONSTRAINT fk_chat_project_id_project FOREIGN KEY(project_id) REFERENCES project (id)
);
--
CREATE TABLE dataset (
	id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	source VARCHAR NOT NULL, 
	source_name VARCHAR NOT NULL, 
	format VARCHAR, 
	kind VARCHAR, 
	sha256 VARCHAR, 
	progress FLOAT, 
	rows INTEGER NOT NULL, 
	accepted INTEGER NOT NULL, 
	repaired INTEGER NOT NULL, 
	rejected INTEGER NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	error VARCHAR, 
	hint VARCHAR, 
	attempt INTEGER NOT NULL, 
	events_offset BIGINT NOT NULL, 
	created_at FLOAT NOT NULL, origin JSON DEFAULT '{}' NOT NULL, family_id VARCHAR DEFAULT '' NOT NULL, version INTEGER DEFAULT '1' NOT NULL, parents JSON DEFAULT '[]' NOT NULL, operation JSON, mapping JSON, columns JSON DEFAULT '[]' NOT NULL, confidence FLOAT, tags VARCHAR DEFAULT '[]' NOT NULL, description VARCHAR DEFAULT '' NOT NULL, deleted_at FLOAT, deletion_id VARCHAR, 
	CONSTRAINT pk_dataset PRIMARY KEY (id), 
	CONSTRAINT fk_dataset_project_id_project FOREIGN KEY(project_id) REFERENCES project (id)
);
--
CREATE TABLE delivery (
	id INTEGER NOT NULL, 
	message_id VARCHAR NOT NULL, 
	notification_id INTEGER NOT NULL, 
	sink_id VARCHAR NOT NULL, 
	state VARCHAR NOT NULL, 
	attempts INTEGER NOT NULL, 
	due_at FLOAT NOT NULL, 
	begun_at FLOAT, 
	ended_at FLOAT, 
	outcome VARCHAR NOT NULL, 
	CONSTRAINT pk_delivery PRIMARY KEY (id), 
	CONSTRAINT fk_delivery_notification_id_notification FOREIGN KEY(notification_id) REFERENCES notification (id) ON DELETE CASCADE, 
	CONSTRAINT fk_delivery_sink_id_notification_sink FOREIGN KEY(sink_id) REFERENCES notification_sink (id) ON DELETE CASCADE, 
	CONSTRAINT uq_delivery_message_id UNIQUE (message_id)
);
--
CREATE TABLE endpoint (
	id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	active_backend_id VARCHAR, 
	previous_backend_id VARCHAR, 
	created_at FLOAT NOT NULL, 
	stopped_at FLOAT, canary_backend_id VARCHAR, idle_minutes FLOAT, last_used_at FLOAT, asleep_at FLOAT, waits_since FLOAT, 
	CONSTRAINT pk_endpoint PRIMARY KEY (id), 
	CONSTRAINT fk_endpoint_project_id_project FOREIGN KEY(project_id) REFERENCES project (id)
);
--
CREATE TABLE evaluation (
	id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	subject VARCHAR NOT NULL, 
	against VARCHAR NOT NULL, 
	dataset_id VARCHAR, 
	"limit" INTEGER, 
	all_rows BOOLEAN NOT NULL, 
	seed INTEGER NOT NULL, 
	run_id VARCHAR, 
	tags JSON NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	result JSON NOT NULL, 
	error VARCHAR, 
	hint VARCHAR, 
	work_id VARCHAR, 
	created_at FLOAT NOT NULL, 
	ended_at FLOAT, deleted_at FLOAT, deletion_id VARCHAR, 
	CONSTRAINT pk_evaluation PRIMARY KEY (id), 
	CONSTRAINT fk_evaluation_project_id_project FOREIGN KEY(project_id) REFERENCES project (id)
);
--
CREATE TABLE export (
	id VARCHAR NOT NULL, 
	run_id VARCHAR NOT NULL, 
	subject VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	options JSON NOT NULL, 
	work_id VARCHAR, 
	size_bytes BIGINT, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT pk_export PRIMARY KEY (id), 
	CONSTRAINT fk_export_run_id_run FOREIGN KEY(run_id) REFERENCES run (id)
);
--
CREATE TABLE lease (
	holder_id VARCHAR NOT NULL, 
	holder_kind VARCHAR NOT NULL, 
	device VARCHAR NOT NULL, 
	"exclusive" BOOLEAN NOT NULL, 
	since FLOAT NOT NULL, 
	CONSTRAINT pk_lease PRIMARY KEY (holder_id)
);
--
CREATE TABLE lesson (
	project_id VARCHAR NOT NULL, 
	stage VARCHAR NOT NULL, 
	model_id VARCHAR, 
	dataset_id VARCHAR, 
	run_id VARCHAR, 
	endpoint_id VARCHAR, 
	error VARCHAR, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT pk_lesson PRIMARY KEY (project_id), 
	CONSTRAINT fk_lesson_project_id_project FOREIGN KEY(project_id) REFERENCES project (id)
);
--
CREATE TABLE "live_link" (
	id VARCHAR NOT NULL, 
	run_id VARCHAR, 
	sha256 VARCHAR NOT NULL, 
	created_at FLOAT NOT NULL, 
	expires_at FLOAT NOT NULL, 
	revoked_at FLOAT, 
	chat_id VARCHAR, 
	CONSTRAINT pk_live_link PRIMARY KEY (id), 
	CONSTRAINT uq_live_link_sha256 UNIQUE (sha256), 
	CONSTRAINT fk_live_link_run_id_run FOREIGN KEY(run_id) REFERENCES run (id) ON DELETE CASCADE, 
	CONSTRAINT fk_live_link_chat_id_chat FOREIGN KEY(chat_id) REFERENCES chat (id) ON DELETE CASCADE
);
--
CREATE TABLE loggedrequest (
	id INTEGER NOT NULL, 
	at FLOAT NOT NULL, 
	key_id VARCHAR NOT NULL, 
	endpoint_id VARCHAR NOT NULL, 
	model VARCHAR NOT NULL, 
	route VARCHAR NOT NULL, 
	stream BOOLEAN NOT NULL, 
	status INTEGER NOT NULL, 
	seconds FLOAT NOT NULL, 
	first_token_seconds FLOAT, 
	prompt_tokens INTEGER NOT NULL, 
	completion_tokens INTEGER NOT NULL, 
	estimated BOOLEAN NOT NULL, 
	question VARCHAR, 
	answer VARCHAR, 
	CONSTRAINT pk_loggedrequest PRIMARY KEY (id)
);
--
CREATE TABLE message (
	id INTEGER NOT NULL, 
	chat_id VARCHAR NOT NULL, 
	side VARCHAR NOT NULL, 
	model VARCHAR NOT NULL, 
	content VARCHAR NOT NULL, 
	complete BOOLEAN NOT NULL, 
	created_at FLOAT NOT NULL, weights VARCHAR DEFAULT '' NOT NULL, system VARCHAR DEFAULT '' NOT NULL, better VARCHAR DEFAULT '' NOT NULL, seconds FLOAT, first_token_seconds FLOAT, tokens INTEGER, tokens_estimated BOOLEAN DEFAULT 0 NOT NULL, rating INTEGER DEFAULT '0' NOT NULL, sampling JSON, deleted_at FLOAT, deletion_id VARCHAR, 
	CONSTRAINT pk_message PRIMARY KEY (id), 
	CONSTRAINT fk_message_chat_id_chat FOREIGN KEY(chat_id) REFERENCES chat (id) ON DELETE CASCADE
);
--
CREATE TABLE metric (
	run_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	step INTEGER NOT NULL, 
	value FLOAT NOT NULL, 
	CONSTRAINT pk_metric PRIMARY KEY (run_id, name, step), 
	CONSTRAINT fk_metric_run_id_run FOREIGN KEY(run_id) REFERENCES run (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
--
CREATE TABLE metric_summary (
	name VARCHAR NOT NULL, 
	run_id VARCHAR NOT NULL, 
	last FLOAT NOT NULL, 
	last_step INTEGER NOT NULL, 
	least FLOAT NOT NULL, 
	least_step INTEGER NOT NULL, 
	greatest FLOAT NOT NULL, 
	greatest_step INTEGER NOT NULL, 
	CONSTRAINT pk_metric_summary PRIMARY KEY (name, run_id), 
	CONSTRAINT fk_metric_summary_run_id_run FOREIGN KEY(run_id) REFERENCES run (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;
--
CREATE TABLE model (
	id VARCHAR NOT NULL, 
	source VARCHAR NOT NULL, 
	source_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	path VARCHAR, 
	status VARCHAR(16) NOT NULL, 
	progress FLOAT, 
	stage VARCHAR NOT NULL, 
	error VARCHAR, 
	hint VARCHAR, 
	size_bytes BIGINT, 
	parameters BIGINT, 
	context_length INTEGER, 
	architecture VARCHAR, 
	licence VARCHAR, 
	has_chat_template BOOLEAN, 
	trainable BOOLEAN, 
	untrainable_reason VARCHAR, 
	revision VARCHAR, 
	attempt INTEGER NOT NULL, 
	events_offset BIGINT NOT NULL, 
	created_at FLOAT NOT NULL, token_facts JSON, tags VARCHAR DEFAULT '[]' NOT NULL, description VARCHAR DEFAULT '' NOT NULL, deleted_at FLOAT, deletion_id VARCHAR, 
	CONSTRAINT pk_model PRIMARY KEY (id)
);
--
CREATE TABLE model_alias (
	registered_id VARCHAR NOT NULL, 
	alias VARCHAR NOT NULL, 
	version_id VARCHAR NOT NULL, 
	moved_at FLOAT NOT NULL, 
	CONSTRAINT pk_model_alias PRIMARY KEY (registered_id, alias), 
	CONSTRAINT fk_model_alias_registered_id_registered_model FOREIGN KEY(registered_id) REFERENCES registered_model (id) ON DELETE CASCADE, 
	CONSTRAINT fk_model_alias_version_id_model_version FOREIGN KEY(version_id) REFERENCES model_version (id)
);
--
CREATE TABLE model_version (
	id VARCHAR NOT NULL, 
	registered_id VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	stage VARCHAR NOT NULL, 
	note VARCHAR NOT NULL, 
	tags JSON NOT NULL, 
	run_id VARCHAR, 
	export_id VARCHAR, 
	model_id VARCHAR, 
	lineage JSON NOT NULL, 
	files JSON, 
	size_bytes BIGINT NOT NULL, 
	work_id VARCHAR, 
	checked_at FLOAT, 
	changed JSON NOT NULL, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT pk_model_version PRIMARY KEY (id), 
	CONSTRAINT fk_model_version_registered_id_registered_model FOREIGN KEY(registered_id) REFERENCES registered_model (id) ON DELETE CASCADE, 
	CONSTRAINT fk_model_version_run_id_run FOREIGN KEY(run_id) REFERENCES run (id), 
	CONSTRAINT fk_model_version_export_id_export FOREIGN KEY(export_id) REFERENCES export (id), 
	CONSTRAINT fk_model_version_model_id_model FOREIGN KEY(model_id) REFERENCES model (id), 
	CONSTRAINT uq_model_version_registered_id UNIQUE (registered_id, number)
);
--
CREATE TABLE notification (
	id INTEGER NOT NULL, 
	"key" VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	run_id VARCHAR, 
	title VARCHAR NOT NULL, 
	text VARCHAR NOT NULL, 
	shown BOOLEAN NOT NULL, 
	at FLOAT NOT NULL, 
	read_at FLOAT, 
	CONSTRAINT pk_notification PRIMARY KEY (id), 
	CONSTRAINT uq_notification_key UNIQUE ("key")
);
--
CREATE TABLE notification_sink (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	service VARCHAR NOT NULL, 
	kinds JSON NOT NULL, 
	enabled BOOLEAN NOT NULL, 
	options JSON NOT NULL, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT pk_notification_sink PRIMARY KEY (id)
);
--
CREATE TABLE notification_state (
	id INTEGER NOT NULL, 
	seen_transition INTEGER NOT NULL, 
	allow_private BOOLEAN NOT NULL, 
	address VARCHAR NOT NULL, 
	in_app JSON NOT NULL, 
	browser JSON NOT NULL, 
	disk_low_gb FLOAT NOT NULL, 
	disk_is_low BOOLEAN NOT NULL, 
	CONSTRAINT pk_notification_state PRIMARY KEY (id)
);
--
CREATE TABLE polite_sleep (
	endpoint_id VARCHAR NOT NULL, 
	run_id VARCHAR NOT NULL, 
	since FLOAT NOT NULL, 
	CONSTRAINT pk_polite_sleep PRIMARY KEY (endpoint_id), 
	CONSTRAINT fk_polite_sleep_endpoint_id_endpoint FOREIGN KEY(endpoint_id) REFERENCES endpoint (id) ON DELETE CASCADE
);
--
CREATE TABLE project (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	archived BOOLEAN NOT NULL, 
	created_at FLOAT NOT NULL, prompts JSON DEFAULT '[]' NOT NULL, price_per_kwh FLOAT, price_per_device_hour FLOAT, currency VARCHAR DEFAULT '' NOT NULL, 
	CONSTRAINT pk_project PRIMARY KEY (id), 
	CONSTRAINT uq_project_name UNIQUE (name)
);
--
CREATE TABLE queue_state (
	id VARCHAR NOT NULL, 
	paused_at FLOAT, 
	pause_reason VARCHAR NOT NULL, 
	stop_after_failure BOOLEAN NOT NULL, 
	sleep_idle_minutes FLOAT, 
	CONSTRAINT pk_queue_state PRIMARY KEY (id)
);
--
CREATE TABLE registered_model (
	id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	note VARCHAR NOT NULL, 
	tags JSON NOT NULL, 
	versions_made INTEGER NOT NULL, 
	created_at FLOAT NOT NULL, 
	updated_at FLOAT NOT NULL, 
	CONSTRAINT pk_registered_model PRIMARY KEY (id), 
	CONSTRAINT fk_registered_model_project_id_project FOREIGN KEY(project_id) REFERENCES project (id), 
	CONSTRAINT uq_registered_model_name UNIQUE (name)
);
--
CREATE TABLE registry_move (
	id INTEGER NOT NULL, 
	registered_id VARCHAR NOT NULL, 
	at FLOAT NOT NULL, 
	action VARCHAR NOT NULL, 
	alias VARCHAR NOT NULL, 
	"before" INTEGER, 
	"after" INTEGER, 
	who VARCHAR NOT NULL, 
	why VARCHAR NOT NULL, 
	gate JSON, 
	CONSTRAINT pk_registry_move PRIMARY KEY (id), 
	CONSTRAINT fk_registry_move_registered_id_registered_model FOREIGN KEY(registered_id) REFERENCES registered_model (id) ON DELETE CASCADE
);
--
CREATE TABLE run (
	id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	model_id VARCHAR NOT NULL, 
	dataset_id VARCHAR NOT NULL, 
	recipe JSON NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	step INTEGER NOT NULL, 
	max_steps INTEGER, 
	loss FLOAT, 
	tokens_per_second FLOAT, 
	eta_seconds FLOAT, 
	facts JSON NOT NULL, 
	artifact VARCHAR, 
	error VARCHAR, 
	hint VARCHAR, 
	device VARCHAR, 
	attempt INTEGER NOT NULL, 
	auto_resumes INTEGER NOT NULL, 
	last_failure VARCHAR, 
	events_offset BIGINT NOT NULL, 
	idempotency_key VARCHAR, 
	created_at FLOAT NOT NULL, 
	started_at FLOAT, 
	ended_at FLOAT, 
	moved_at FLOAT NOT NULL, method VARCHAR DEFAULT '' NOT NULL, tags VARCHAR DEFAULT '[]' NOT NULL, note VARCHAR DEFAULT '' NOT NULL, favourite BOOLEAN DEFAULT 0 NOT NULL, archived BOOLEAN DEFAULT 0 NOT NULL, deleted_at FLOAT, rank INTEGER DEFAULT '0' NOT NULL, position FLOAT DEFAULT '0' NOT NULL, after_run_id VARCHAR, after_success BOOLEAN DEFAULT '1' NOT NULL, hold VARCHAR DEFAULT '' NOT NULL, samples_offset BIGINT DEFAULT '0' NOT NULL, sweep_id VARCHAR, 
	CONSTRAINT pk_run PRIMARY KEY (id), 
	CONSTRAINT fk_run_dataset_id_dataset FOREIGN KEY(dataset_id) REFERENCES dataset (id), 
	CONSTRAINT fk_run_model_id_model FOREIGN KEY(model_id) REFERENCES model (id), 
	CONSTRAINT fk_run_project_id_project FOREIGN KEY(project_id) REFERENCES project (id), 
	CONSTRAINT uq_run_idempotency_key UNIQUE (idempotency_key)
);
--
CREATE TABLE run_undo (
	id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	words VARCHAR NOT NULL, 
	changes JSON NOT NULL, 
	at FLOAT NOT NULL, 
	CONSTRAINT pk_run_undo PRIMARY KEY (id), 
	CONSTRAINT fk_run_undo_project_id_project FOREIGN KEY(project_id) REFERENCES project (id)
);
--
CREATE TABLE sample (
	run_id VARCHAR NOT NULL, 
	step INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	prompt VARCHAR NOT NULL, 
	answer VARCHAR NOT NULL, 
	tokens INTEGER NOT NULL, 
	is_cut BOOLEAN NOT NULL, 
	CONSTRAINT pk_sample PRIMARY KEY (run_id, step, number), 
	CONSTRAINT fk_sample_run_id_run FOREIGN KEY(run_id) REFERENCES run (id) ON DELETE CASCADE
);
--
CREATE TABLE saved_view (
	id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	"query" VARCHAR NOT NULL, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT pk_saved_view PRIMARY KEY (id), 
	CONSTRAINT fk_saved_view_project_id_project FOREIGN KEY(project_id) REFERENCES project (id), 
	CONSTRAINT uq_saved_view_project_id UNIQUE (project_id, name)
);
--
CREATE TABLE served_adapter (
	id VARCHAR NOT NULL, 
	backend_id VARCHAR NOT NULL, 
	subject VARCHAR NOT NULL, 
	internal_name VARCHAR NOT NULL, 
	attempt INTEGER NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	digest VARCHAR NOT NULL, 
	rank INTEGER, 
	size_bytes BIGINT, 
	load_seconds FLOAT, 
	error VARCHAR, 
	created_at FLOAT NOT NULL, 
	moved_at FLOAT NOT NULL, 
	CONSTRAINT pk_served_adapter PRIMARY KEY (id), 
	CONSTRAINT fk_served_adapter_backend_id_backend FOREIGN KEY(backend_id) REFERENCES backend (id) ON DELETE CASCADE
);
--
CREATE TABLE snippet (
	id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	language VARCHAR NOT NULL, 
	task VARCHAR NOT NULL, 
	created_at FLOAT NOT NULL, 
	updated_at FLOAT NOT NULL, deleted_at FLOAT, deletion_id VARCHAR, 
	CONSTRAINT pk_snippet PRIMARY KEY (id), 
	CONSTRAINT fk_snippet_project_id_project FOREIGN KEY(project_id) REFERENCES project (id)
);
--
CREATE TABLE snippet_version (
	id VARCHAR NOT NULL, 
	snippet_id VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	files_json JSON NOT NULL, 
	note VARCHAR NOT NULL, 
	model VARCHAR NOT NULL, 
	action VARCHAR NOT NULL, 
	answer VARCHAR NOT NULL, 
	result_json JSON, 
	created_at FLOAT NOT NULL, 
	CONSTRAINT pk_snippet_version PRIMARY KEY (id), 
	CONSTRAINT fk_snippet_version_snippet_id_snippet FOREIGN KEY(snippet_id) REFERENCES snippet (id) ON DELETE CASCADE, 
	CONSTRAINT uq_snippet_version_snippet_id UNIQUE (snippet_id, number)
);
--
CREATE TABLE "sweep" (
	id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	spec JSON NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	stage VARCHAR NOT NULL, 
	goal INTEGER, 
	is_lifted BOOLEAN NOT NULL, 
	question JSON, 
	reason VARCHAR NOT NULL, 
	error VARCHAR, 
	hint VARCHAR, 
	created_at FLOAT NOT NULL, 
	moved_at FLOAT NOT NULL, 
	started_at FLOAT, 
	seconds_before FLOAT NOT NULL, 
	ended_at FLOAT, let_go JSON, deleted_at FLOAT, deletion_id VARCHAR, 
	CONSTRAINT pk_sweep PRIMARY KEY (id), 
	CONSTRAINT fk_sweep_project_id_project FOREIGN KEY(project_id) REFERENCES project (id)
);
--
CREATE TABLE transition (
	id INTEGER NOT NULL, 
	subject_id VARCHAR NOT NULL, 
	attempt INTEGER NOT NULL, 
	sequence INTEGER NOT NULL, 
	"before" VARCHAR NOT NULL, 
	"after" VARCHAR NOT NULL, 
	reason VARCHAR NOT NULL, 
	at FLOAT NOT NULL, 
	CONSTRAINT pk_transition PRIMARY KEY (id), 
	CONSTRAINT uq_transition_subject_id UNIQUE (subject_id, attempt, "before", "after", sequence)
);
--
CREATE TABLE trial (
	sweep_id VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	state VARCHAR NOT NULL, 
	phase VARCHAR NOT NULL, 
	params JSON NOT NULL, 
	"of" INTEGER, 
	seed BIGINT, 
	run_id VARCHAR, 
	tries INTEGER NOT NULL, 
	"values" JSON, 
	steps JSON NOT NULL, 
	judged_step INTEGER NOT NULL, 
	tokens BIGINT, 
	reason VARCHAR NOT NULL, 
	is_put_away BOOLEAN NOT NULL, 
	created_at FLOAT NOT NULL, 
	started_at FLOAT, 
	ended_at FLOAT, 
	CONSTRAINT pk_trial PRIMARY KEY (sweep_id, number), 
	CONSTRAINT fk_trial_sweep_id_sweep FOREIGN KEY(sweep_id) REFERENCES sweep (id) ON DELETE CASCADE
);
--
CREATE TABLE trial_pick (
	id VARCHAR NOT NULL, 
	sweep_id VARCHAR NOT NULL, 
	winner INTEGER NOT NULL, 
	loser INTEGER NOT NULL, 
	is_alike BOOLEAN NOT NULL, 
	at FLOAT NOT NULL, 
	CONSTRAINT pk_trial_pick PRIMARY KEY (id), 
	CONSTRAINT fk_trial_pick_sweep_id_sweep FOREIGN KEY(sweep_id) REFERENCES sweep (id) ON DELETE CASCADE
);
--
CREATE TABLE tuner (
	id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	endpoint_id VARCHAR NOT NULL, 
	endpoint_name VARCHAR NOT NULL, 
	load JSON NOT NULL, 
	in_place BOOLEAN NOT NULL, 
	backend JSON NOT NULL, 
	variants JSON NOT NULL, 
	stage VARCHAR NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	position INTEGER NOT NULL, 
	trial_id VARCHAR, 
	benchmark_id VARCHAR, 
	error VARCHAR, 
	hint VARCHAR, 
	created_at FLOAT NOT NULL, 
	moved_at FLOAT NOT NULL, 
	ended_at FLOAT, 
	applied_at FLOAT, 
	CONSTRAINT pk_tuner PRIMARY KEY (id), 
	CONSTRAINT fk_tuner_project_id_project FOREIGN KEY(project_id) REFERENCES project (id)
);
--
CREATE TABLE tuning_file (
	id VARCHAR NOT NULL, 
	dataset_id VARCHAR NOT NULL, 
	filename VARCHAR NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	created_at FLOAT NOT NULL, 
	deleted_at FLOAT, 
	CONSTRAINT pk_tuning_file PRIMARY KEY (id), 
	CONSTRAINT fk_tuning_file_dataset_id_dataset FOREIGN KEY(dataset_id) REFERENCES dataset (id) ON DELETE CASCADE
);
--
CREATE TABLE tuning_job (
	id VARCHAR NOT NULL, 
	project_id VARCHAR NOT NULL, 
	model VARCHAR NOT NULL, 
	model_id VARCHAR NOT NULL, 
	start_from VARCHAR NOT NULL, 
	model_name VARCHAR NOT NULL, 
	training_file VARCHAR NOT NULL, 
	dataset_id VARCHAR NOT NULL, 
	method VARCHAR NOT NULL, 
	stage VARCHAR NOT NULL, 
	asked VARCHAR NOT NULL, 
	validation_file VARCHAR, 
	validation_dataset_id VARCHAR, 
	joined_dataset_id VARCHAR, 
	hyperparameters JSON NOT NULL, 
	suffix VARCHAR, 
	seed BIGINT NOT NULL, 
	labels JSON NOT NULL, 
	run_id VARCHAR, 
	error JSON, 
	idempotency_key VARCHAR, 
	created_at FLOAT NOT NULL, 
	ended_at FLOAT, 
	CONSTRAINT pk_tuning_job PRIMARY KEY (id), 
	CONSTRAINT fk_tuning_job_project_id_project FOREIGN KEY(project_id) REFERENCES project (id), 
	CONSTRAINT uq_tuning_job_idempotency_key UNIQUE (idempotency_key), 
	CONSTRAINT uq_tuning_job_model_name UNIQUE (model_name)
);
--
CREATE TABLE usage (
	day VARCHAR NOT NULL, 
	key_id VARCHAR NOT NULL, 
	model VARCHAR NOT NULL, 
	requests BIGINT NOT NULL, 
	errors BIGINT NOT NULL, 
	estimated BIGINT NOT NULL, 
	prompt_tokens BIGINT NOT NULL, 
	completion_tokens BIGINT NOT NULL, 
	CONSTRAINT pk_usage PRIMARY KEY (day, key_id, model)
);
--
CREATE TABLE work (
	id VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	subject_id VARCHAR NOT NULL, 
	"key" VARCHAR NOT NULL, 
	spec JSON NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	progress FLOAT, 
	stage VARCHAR NOT NULL, 
	result JSON NOT NULL, 
	error VARCHAR, 
	hint VARCHAR, 
	attempt INTEGER NOT NULL, 
	events_offset BIGINT NOT NULL, 
	created_at FLOAT NOT NULL, 
	ended_at FLOAT, retries INTEGER DEFAULT '1' NOT NULL, 
	CONSTRAINT pk_work PRIMARY KEY (id)
);
--
CREATE INDEX ix_lease_device ON lease (device);
--
CREATE INDEX ix_transition_subject_id ON transition (subject_id);
--
CREATE INDEX ix_chat_project_id ON chat (project_id);
--
CREATE INDEX ix_endpoint_name ON endpoint (name);
--
CREATE INDEX ix_endpoint_project_id ON endpoint (project_id);
--
CREATE INDEX ix_message_chat_id ON message (chat_id);
--
CREATE INDEX ix_run_dataset_id ON run (dataset_id);
--
CREATE INDEX ix_run_model_id ON run (model_id);
--
CREATE INDEX ix_run_project_created ON run (project_id, created_at);
--
CREATE INDEX ix_work_key ON work ("key");
--
CREATE UNIQUE INDEX ix_dataset_family_version ON dataset (family_id, version);
--
CREATE INDEX ix_dataset_project_created ON dataset (project_id, created_at, family_id, version);
--
CREATE INDEX ix_dataset_status_created ON dataset (status, created_at);
--
CREATE INDEX ix_work_status_created ON work (status, created_at);
--
CREATE INDEX ix_work_subject_kind ON work (subject_id, kind, created_at);
--
CREATE INDEX ix_run_created_at ON run (created_at);
--
CREATE INDEX ix_run_ended_at ON run (ended_at);
--
CREATE INDEX ix_export_run_id ON export (run_id);
--
CREATE INDEX ix_export_work_id ON export (work_id);
--
CREATE INDEX ix_export_created_at ON export (created_at);
--
CREATE INDEX ix_served_adapter_backend_id ON served_adapter (backend_id);
--
CREATE INDEX ix_served_adapter_status ON served_adapter (status);
--
CREATE INDEX ix_backend_status ON backend (status);
--
CREATE INDEX ix_backend_endpoint_id ON backend (endpoint_id);
--
CREATE INDEX ix_loggedrequest_at ON loggedrequest (at);
--
CREATE INDEX ix_loggedrequest_key_id ON loggedrequest (key_id);
--
CREATE INDEX ix_benchmark_project_id ON benchmark (project_id);
--
CREATE INDEX ix_benchmark_endpoint_id ON benchmark (endpoint_id);
--
CREATE INDEX ix_benchmark_status ON benchmark (status);
--
CREATE INDEX ix_benchmark_work_id ON benchmark (work_id);
--
CREATE INDEX ix_benchmark_created_at ON benchmark (created_at);
--
CREATE INDEX ix_tuner_project_id ON tuner (project_id);
--
CREATE INDEX ix_tuner_endpoint_id ON tuner (endpoint_id);
--
CREATE INDEX ix_tuner_status ON tuner (status);
--
CREATE INDEX ix_tuner_created_at ON tuner (created_at);
--
CREATE INDEX ix_snippet_project_id ON snippet (project_id);
--
CREATE INDEX ix_snippet_updated_at ON snippet (updated_at);
--
CREATE INDEX ix_snippet_version_snippet_id ON snippet_version (snippet_id);
--
CREATE INDEX ix_evaluation_status_created ON evaluation (status, created_at);
--
CREATE INDEX ix_evaluation_run_created ON evaluation (run_id, created_at);
--
CREATE INDEX ix_evaluation_project_id ON evaluation (project_id);
--
CREATE INDEX ix_evaluation_work_id ON evaluation (work_id);
--
CREATE INDEX ix_evaluation_created_at ON evaluation (created_at);
--
CREATE INDEX ix_registered_model_project_id ON registered_model (project_id);
--
CREATE INDEX ix_registered_model_updated_at ON registered_model (updated_at);
--
CREATE INDEX ix_model_version_registered_id ON model_version (registered_id);
--
CREATE INDEX ix_model_version_run_id ON model_version (run_id);
--
CREATE INDEX ix_model_version_export_id ON model_version (export_id);
--
CREATE INDEX ix_model_version_model_id ON model_version (model_id);
--
CREATE INDEX ix_model_alias_version_id ON model_alias (version_id);
--
CREATE INDEX ix_alias_follower_registered_id ON alias_follower (registered_id);
--
CREATE INDEX ix_registry_move_registered_id ON registry_move (registered_id);
--
CREATE INDEX ix_run_status_created ON run (status, created_at, deleted_at);
--
CREATE INDEX ix_run_deleted ON run (deleted_at) WHERE deleted_at IS NOT NULL;
--
CREATE INDEX ix_metric_summary_run_id ON metric_summary (run_id);
--
CREATE INDEX ix_run_undo_project_id ON run_undo (project_id);
--
CREATE INDEX ix_run_undo_at ON run_undo (at);
--
CREATE INDEX ix_run_after_run_id ON run (after_run_id);
--
CREATE INDEX ix_run_next ON run (status, hold, rank, position, created_at);
--
CREATE INDEX ix_run_line ON run (status, rank, position, created_at);
--
CREATE INDEX ix_sample_run_number_step ON sample (run_id, number, step);
--
CREATE INDEX ix_notification_run_id ON notification (run_id);
--
CREATE INDEX ix_delivery_notification_id ON delivery (notification_id);
--
CREATE INDEX ix_delivery_sink_id ON delivery (sink_id);
--
CREATE INDEX ix_delivery_state_due ON delivery (state, due_at);
--
CREATE INDEX ix_tuning_file_created_at ON tuning_file (created_at);
--
CREATE INDEX ix_tuning_file_dataset_id ON tuning_file (dataset_id);
--
CREATE INDEX ix_tuning_job_stage_asked ON tuning_job (stage, asked);
--
CREATE INDEX ix_tuning_job_project_id ON tuning_job (project_id);
--
CREATE INDEX ix_tuning_job_run_id ON tuning_job (run_id);
--
CREATE INDEX ix_tuning_job_created_at ON tuning_job (created_at);
--
CREATE INDEX ix_run_sweep_created ON run (sweep_id, created_at);
--
CREATE INDEX ix_run_list ON run (project_id, deleted_at, archived, created_at, id, name, status, method, model_id, dataset_id, favourite, tags, step, loss, tokens_per_second, started_at, ended_at, sweep_id);
--
CREATE INDEX ix_trial_sweep_state ON trial (sweep_id, state);
--
CREATE INDEX ix_trial_sweep_put_away ON trial (sweep_id, is_put_away);
--
CREATE INDEX ix_trial_run_id ON trial (run_id);
--
CREATE INDEX ix_trial_pick_sweep_id ON trial_pick (sweep_id);
--
CREATE INDEX ix_run_noted ON run (id) WHERE note != '';
--
CREATE INDEX ix_chat_branch_of ON chat (branch_of);
--
CREATE INDEX ix_message_rating ON message (id) WHERE rating != 0;
--
CREATE INDEX ix_message_better ON message (id) WHERE better != '';
--
CREATE INDEX ix_live_link_run_id ON live_link (run_id);
--
CREATE INDEX ix_live_link_chat_id ON live_link (chat_id);
--
CREATE INDEX ix_sweep_created_at ON sweep (created_at);
--
CREATE INDEX ix_sweep_status ON sweep (status);
--
CREATE INDEX ix_chat_hidden ON chat (deleted_at, id) WHERE deleted_at IS NOT NULL;
--
CREATE INDEX ix_message_hidden ON message (deleted_at, id) WHERE deleted_at IS NOT NULL;
--
CREATE INDEX ix_snippet_hidden ON snippet (deleted_at, id) WHERE deleted_at IS NOT NULL;
--
CREATE INDEX ix_evaluation_hidden ON evaluation (deleted_at, id) WHERE deleted_at IS NOT NULL;
--
CREATE INDEX ix_sweep_hidden ON sweep (deleted_at, id) WHERE deleted_at IS NOT NULL;
--
CREATE UNIQUE INDEX uq_sweep_project_id_name ON sweep (project_id, name) WHERE deleted_at IS NULL;
