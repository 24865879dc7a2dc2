"""Every table that Python writes, declared once: name, grain, columns, types, what each column means.

The lake is made from these declarations and a test holds the two equal. Tables of the schemas
`core` and `out` are dbt models; their one declaration is models_sql/models/**/*.yml.

Types are DuckDB's. JSON is kept as VARCHAR: what a server sent is stored even when it is not JSON.
"""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """One column. `doc` says the unit and what null means."""

    name: str
    type: str
    doc: str
    nullable: bool = False


class Table(NamedTuple):
    """One table. `grain` names the columns that identify a row."""

    schema: str
    name: str
    grain: tuple[str, ...]
    doc: str
    columns: tuple[Column, ...]
    partitioned_by_month: bool = False

    @property
    def full_name(self) -> str:
        """Return schema.table, as SQL names it."""
        return f"{self.schema}.{self.name}"


WAVE_ID = Column("wave_id", "VARCHAR", "panel/wave_date[/slot].")
WAVE_DATE = Column("wave_date", "DATE", "UTC day the wave stands for: the scheduled start, never the clock.")
PANEL = Column("panel", "VARCHAR", "Name of the panel.")
MODEL_REQUESTED = Column("model_requested", "VARCHAR", "Model as the roster names it; keys every series.")
PROMPT_ID = Column("prompt_id", "VARCHAR", "Prompt within its battery.")
SAMPLE_INDEX = Column("sample_index", "INTEGER", "Repeat of the same prompt, from 0.")
PURPOSE = Column(
    "purpose",
    "VARCHAR",
    "measure: enters convergence and drift; canary: drift only; confirmation: only to confirm an alarm.",
)
ENDPOINT = Column("endpoint", "VARCHAR", "Endpoint as the panel names it.")

OPS_WAVES = Table(
    "ops",
    "waves",
    ("wave_id",),
    "One row a wave: where it stands and what it cost.",
    (
        WAVE_ID,
        PANEL,
        WAVE_DATE,
        Column("wave_kind", "VARCHAR", "live, staged, imported or experiment."),
        Column("status", "VARCHAR", "planned, asked, loaded, modelled, published or quarantined."),
        Column("panel_sha", "VARCHAR", "SHA-256 of the resolved panel, frozen at the first start."),
        Column("battery_sha", "VARCHAR", "SHA-256 of the battery's prompts."),
        Column("code_version", "VARCHAR", "Commit of driftlake that ran the wave; +dirty when files differed."),
        Column("planned_cells", "BIGINT", "Cells planned at the first start; those of a confirmation come on top."),
        Column("ok_cells", "BIGINT", "Of planned_cells, those with a usable answer; null until asked.", True),
        Column("cost_usd", "DOUBLE", "Sum of the attempts' known costs in USD; null if none is known.", True),
        Column("started_at", "TIMESTAMP WITH TIME ZONE", "First start of the wave."),
        Column("finished_at", "TIMESTAMP WITH TIME ZONE", "When the wave was published or quarantined.", True),
    ),
)

OPS_VERDICTS = Table(
    "ops",
    "verdicts",
    ("audit_id", "scope", "model", "prompt_id", "sample_index", "break_id"),
    "What may be believed. The newest audit of a wave is the one that counts; older ones are kept.",
    (
        Column("audit_id", "VARCHAR", "One run of the audit over one wave; sorts by time."),
        WAVE_ID,
        Column("scope", "VARCHAR", "row, model (of this wave) or wave."),
        Column("model", "VARCHAR", "model_requested for scopes row and model; null for wave.", True),
        Column("prompt_id", "VARCHAR", "Prompt for scope row, else null.", True),
        Column("sample_index", "INTEGER", "Sample for scope row, else null.", True),
        Column(
            "break_id",
            "VARCHAR",
            "Break that decided it; null for a wave that passed, or that has too few members left.",
            True,
        ),
        Column("verdict", "VARCHAR", "passed or failed."),
        Column("n_bad", "BIGINT", "Bad rows behind the verdict; 0 when passed."),
        Column("detail", "VARCHAR", "One sentence for people."),
        Column("decided_at", "TIMESTAMP WITH TIME ZONE", "When."),
    ),
)

OPS_PUBLICATIONS = Table(
    "ops",
    "publications",
    ("publication_id",),
    "Waves whose verdict passed, each with the lake snapshot that readers see.",
    (
        Column("publication_id", "VARCHAR", "wave_id, then # and the snapshot."),
        Column("snapshot_id", "BIGINT", "DuckLake snapshot with raw, core and out as published."),
        WAVE_ID,
        Column("published_at", "TIMESTAMP WITH TIME ZONE", "When."),
        Column(
            "code_version",
            "VARCHAR",
            "Commit of driftlake that built core and out; null where an earlier version published.",
            True,
        ),
    ),
)

OPS_CHECK_RESULTS = Table(
    "ops",
    "check_results",
    ("audit_id", "check_id"),
    "One row an expectation and audit, passed or not.",
    (
        Column("audit_id", "VARCHAR", "The audit, as in ops.verdicts."),
        WAVE_ID,
        Column("check_id", "VARCHAR", "Name of the expectation."),
        Column("break_id", "VARCHAR", "The break it looks for (docs: expectations/)."),
        Column("severity", "VARCHAR", "fail: makes numbers false; warn: is itself a finding."),
        Column("success", "BOOLEAN", "Nothing bad was found."),
        Column("n_bad", "BIGINT", "Bad rows found."),
        Column("detail", "VARCHAR", "Which rows, why it matters, what to do."),
    ),
)

RAW_PLANNED_CELLS = Table(
    "raw",
    "planned_cells",
    ("wave_id", "model_requested", "prompt_id", "sample_index", "purpose"),
    "What was to be asked; frozen at the first start of a wave.",
    (
        WAVE_ID,
        WAVE_DATE,
        PANEL,
        MODEL_REQUESTED,
        ENDPOINT,
        PROMPT_ID,
        SAMPLE_INDEX,
        PURPOSE,
        Column("position", "BIGINT", "Order of asking: seeded blocks of (prompt, sample) across all models."),
        Column("seed", "BIGINT", "Sampling seed sent or used for this cell; null for an import.", True),
    ),
    partitioned_by_month=True,
)

RAW_ATTEMPTS = Table(
    "raw",
    "attempts",
    ("wave_id", "model_requested", "prompt_id", "sample_index", "purpose", "attempt"),
    "One row an attempt, as it came back. Append only.",
    (
        WAVE_ID,
        WAVE_DATE,
        PANEL,
        MODEL_REQUESTED,
        Column("model_served", "VARCHAR", "Model name the answer carries; null if it carries none.", True),
        Column("provider_served", "VARCHAR", "Provider the answer names; null if it names none.", True),
        ENDPOINT,
        PROMPT_ID,
        SAMPLE_INDEX,
        PURPOSE,
        Column("attempt", "INTEGER", "Count of requests for this cell, from 1."),
        Column("outcome", "VARCHAR", "ok, empty, truncated, declined or error."),
        Column("error_class", "VARCHAR", "Class of an error or of a decline; null otherwise.", True),
        Column("error_message", "VARCHAR", "What the endpoint said, redacted; null without an error.", True),
        Column("http_status", "INTEGER", "HTTP status; null in process or without a response.", True),
        Column(
            "finish_reason", "VARCHAR", "stop, length, content_filter, tool_calls or error; null if not given.", True
        ),
        Column("native_finish_reason", "VARCHAR", "The provider's own word for it; null if not given.", True),
        Column("response_text", "VARCHAR", "The answer, verbatim; null where there was none.", True),
        Column("prompt_tokens", "BIGINT", "Tokens in; null if not reported.", True),
        Column("completion_tokens", "BIGINT", "Tokens out; null if not reported.", True),
        Column("cost_usd", "DOUBLE", "USD; null = unknown, never 0 for unknown.", True),
        Column("cost_source", "VARCHAR", "reported, computed (from the catalogue) or null.", True),
        Column("latency_ms", "DOUBLE", "From request sent to answer complete; in process: its batch's time.", True),
        Column("asked_at", "TIMESTAMP WITH TIME ZONE", "When the request was sent."),
        Column(
            "system_fingerprint",
            "VARCHAR",
            "Identity of the serving system as reported; for checkpoints base, adapter and template shas.",
            True,
        ),
        Column("response_id", "VARCHAR", "The endpoint's id for the response; null if none.", True),
        Column("cache_status", "VARCHAR", "HIT or MISS where the endpoint says so, else null.", True),
        Column("request", "VARCHAR", "Request as sent, JSON, without secrets."),
        Column("body", "VARCHAR", "Response body as received, redacted; null if there was none.", True),
    ),
    partitioned_by_month=True,
)

RAW_PROMPTS = Table(
    "raw",
    "prompts",
    ("wave_id", "prompt_id"),
    "The battery as of each wave.",
    (
        WAVE_ID,
        WAVE_DATE,
        Column("battery", "VARCHAR", "Name of the battery."),
        Column("battery_version", "VARCHAR", "Version the file declares."),
        Column("battery_sha", "VARCHAR", "SHA-256 of the battery's prompts."),
        Column("declared_prompts", "BIGINT", "How many prompts the wave declares it asks."),
        PROMPT_ID,
        Column("capability", "VARCHAR", "One of the five capabilities."),
        Column("family", "VARCHAR", "Kind of question inside the capability."),
        Column("expected_behavior", "VARCHAR", "What a good answer does."),
        Column("reference", "VARCHAR", "Reference answer; null where there is none.", True),
        Column("messages", "VARCHAR", "The conversation sent, JSON [{role, content}], without system prompt."),
        Column("prompt_sha", "VARCHAR", "SHA-256 of `messages`."),
    ),
    partitioned_by_month=True,
)

RAW_ROSTER = Table(
    "raw",
    "roster",
    ("wave_id", "model"),
    "The roster as of each wave.",
    (
        WAVE_ID,
        WAVE_DATE,
        PANEL,
        Column("model", "VARCHAR", "Model as the roster names it."),
        ENDPOINT,
        Column("endpoint_kind", "VARCHAR", "openai_compatible, checkpoint or imported."),
        Column("role", "VARCHAR", "member, or canary: a control that takes no part in convergence."),
        Column("provider", "VARCHAR", "Who made the model; null if not declared.", True),
        Column("family", "VARCHAR", "Model family; null if not declared.", True),
        Column("architecture", "VARCHAR", "As its makers state it; null if not declared.", True),
        Column("region", "VARCHAR", "Region of the maker; null if not declared.", True),
        Column("open_weights", "BOOLEAN", "Weights are public; null if not declared.", True),
        Column("base_model", "VARCHAR", "Model it was derived from; null if none is declared.", True),
        Column("served_names", "VARCHAR", "JSON list of glob patterns of names this model may answer under."),
        Column("settings", "VARCHAR", "Request settings, JSON (temperature, max_tokens, provider pin, …)."),
        Column("system_prompt", "VARCHAR", "System prompt sent; null if none.", True),
        Column("config_sha", "VARCHAR", "SHA-256 of settings and system prompt: a change is never called drift."),
    ),
    partitioned_by_month=True,
)

RAW_CATALOG_MODELS = Table(
    "raw",
    "catalog_models",
    ("wave_id", "endpoint", "model"),
    "The endpoint's catalogue as of each wave, for the models of the roster.",
    (
        WAVE_ID,
        WAVE_DATE,
        ENDPOINT,
        Column("model", "VARCHAR", "Model as the roster names it."),
        Column("canonical_slug", "VARCHAR", "The catalogue's permanent name; null if not given.", True),
        Column("context_length", "BIGINT", "Tokens; null if not given.", True),
        Column("prompt_usd", "DOUBLE", "USD per prompt token; null if not given.", True),
        Column("completion_usd", "DOUBLE", "USD per completion token; null if not given.", True),
        Column(
            "expiration_date", "VARCHAR", "When the model goes away, as the catalogue says; null if it stays.", True
        ),
        Column("body", "VARCHAR", "The catalogue's entry, JSON, as received."),
        Column("fetched_at", "TIMESTAMP WITH TIME ZONE", "When."),
    ),
)

RAW_CATALOG_ENDPOINTS = Table(
    "raw",
    "catalog_endpoints",
    ("wave_id", "endpoint", "model", "tag", "provider"),
    "Who offers each model of the roster as of each wave; models without such a page have no rows.",
    (
        WAVE_ID,
        WAVE_DATE,
        ENDPOINT,
        Column("model", "VARCHAR", "Model as the roster names it."),
        Column("asked_as", "VARCHAR", "Slug whose page was read: what an alias stood for, else `model`."),
        Column("provider", "VARCHAR", "Provider, as provider_served names it."),
        Column("tag", "VARCHAR", "The provider's slug, with variant or quantization; null if not given.", True),
        Column("quantization", "VARCHAR", "Weights as served (bf16, fp8, …); null or unknown where nobody says.", True),
        Column("context_length", "BIGINT", "Tokens; null if not given.", True),
        Column("max_completion_tokens", "BIGINT", "Longest answer in tokens; null if not given.", True),
        Column("prompt_usd", "DOUBLE", "USD per prompt token; null if not given.", True),
        Column("completion_usd", "DOUBLE", "USD per completion token; null if not given.", True),
        Column("body", "VARCHAR", "The provider's entry, JSON, as received."),
        Column("fetched_at", "TIMESTAMP WITH TIME ZONE", "When."),
    ),
)

RAW_KEY_SNAPSHOTS = Table(
    "raw",
    "key_snapshots",
    ("wave_id", "endpoint", "taken_at"),
    "What the key might still spend when a start began to ask and when it ended. Names neither key nor account.",
    (
        WAVE_ID,
        WAVE_DATE,
        ENDPOINT,
        Column("moment", "VARCHAR", "start or end of asking; a wave that was resumed has several of each."),
        Column("limit_usd", "DOUBLE", "Cap of the key in USD; null if it has none.", True),
        Column("limit_remaining_usd", "DOUBLE", "What is left of the cap in USD; null if it has none.", True),
        Column("usage_usd", "DOUBLE", "All that the key ever spent, in USD; null if not given.", True),
        Column("is_free_tier", "BOOLEAN", "The account never bought credit."),
        Column("free_requests_limit", "BIGINT", "Requests a day to free variants; null if not given.", True),
        Column("free_requests_remaining", "BIGINT", "Of these, left for this UTC day; null if not given.", True),
        Column("taken_at", "TIMESTAMP WITH TIME ZONE", "When."),
    ),
)

RAW_EMBEDDINGS = Table(
    "raw",
    "embeddings",
    ("text_sha", "embedder", "precision"),
    "One vector a distinct text; written by DuckDB.",
    (
        Column("text_sha", "VARCHAR", "SHA-256 of the text in UTF-8."),
        Column("embedder", "VARCHAR", "Model that embedded it."),
        Column("precision", "VARCHAR", "Arithmetic it was computed in: fp32 or bf16."),
        Column("vector", "FLOAT[]", "Unit norm, 384 dimensions for all-MiniLM-L6-v2."),
        Column("embedded_at", "TIMESTAMP WITH TIME ZONE", "When."),
    ),
)

RAW_DETECTIONS = Table(
    "raw",
    "detections",
    ("text_sha", "detector", "detector_sha"),
    "What a detector says of a text, once a text and version of the detector; written by DuckDB.",
    (
        Column("text_sha", "VARCHAR", "SHA-256 of the text in UTF-8."),
        Column("detector", "VARCHAR", "refusal_classifier."),
        Column("detector_sha", "VARCHAR", "SHA-256 of the detector's weights."),
        Column("label", "VARCHAR", "refusal or answer."),
        Column("score", "DOUBLE", "Probability of a refusal as the detector has it, 0-1."),
        Column("detected_at", "TIMESTAMP WITH TIME ZONE", "When."),
    ),
)

RAW_CONFIRMATIONS = Table(
    "raw",
    "confirmations",
    ("wave_id", "model", "decided_at"),
    "What was decided about the second sample that an alarm asks for; of a model, the newest row counts.",
    (
        WAVE_ID,
        WAVE_DATE,
        PANEL,
        Column("model", "VARCHAR", "Model whose drift raised the alarm, as the roster names it."),
        ENDPOINT,
        Column("is_asked", "BOOLEAN", "Its cells were planned and asked, as far as they could be."),
        Column("n_prompts", "INTEGER", "Prompts that the alarm rests on."),
        Column("n_cells", "INTEGER", "Fresh answers wanted to them."),
        Column("worst_usd", "DOUBLE", "The most that they can cost, in USD; null where nobody can say.", True),
        Column("reason", "VARCHAR", "Why it was not asked, or not to its end, a sentence; null where it was.", True),
        Column("decided_at", "TIMESTAMP WITH TIME ZONE", "When."),
    ),
)

RAW_JUDGES = Table(
    "raw",
    "judges",
    ("wave_id", "behaviour"),
    "The judges as of each wave; no row: the panel has none.",
    (
        WAVE_ID,
        WAVE_DATE,
        Column("behaviour", "VARCHAR", "refusal, sycophancy or alignment."),
        ENDPOINT,
        Column("judge_model", "VARCHAR", "Judge as its file names it: the pinned name that is asked."),
        Column("served_as", "VARCHAR", "The one name that its votes must carry to count."),
        Column("prompt_version", "VARCHAR", "Version of the judge's prompt."),
        Column("prompt_sha", "VARCHAR", "SHA-256 of the judge's prompt."),
        Column("settings", "VARCHAR", "Request settings, JSON."),
        Column("votes", "INTEGER", "Votes asked for each answer."),
        Column("judge_sha", "VARCHAR", "SHA-256 of all that decides a vote: address, model, name, settings, prompt."),
    ),
)

RAW_JUDGEMENTS = Table(
    "raw",
    "judgements",
    ("wave_id", "judge_sha", "question_sha", "text_sha", "vote", "attempt"),
    "One row a request to a judge, as it came back. An answer is judged once, whoever gave it and in which wave.",
    (
        Column(
            "wave_id", "VARCHAR", "Wave that asked the judge; a later wave with the same answer does not ask again."
        ),
        WAVE_DATE,
        PANEL,
        Column("model_requested", "VARCHAR", "Model whose answer was shown: the first of those that gave this text."),
        PROMPT_ID,
        SAMPLE_INDEX,
        Column("question_sha", "VARCHAR", "SHA-256 of the conversation, as raw.prompts.prompt_sha."),
        Column("text_sha", "VARCHAR", "SHA-256 of the answer."),
        Column("behaviour", "VARCHAR", "refusal, sycophancy or alignment."),
        Column("judge_model", "VARCHAR", "Judge as the panel names it."),
        Column("judge_served", "VARCHAR", "Model name the vote carries; null if it carries none.", True),
        Column("prompt_sha", "VARCHAR", "SHA-256 of the judge's prompt."),
        Column("judge_sha", "VARCHAR", "The judge, as in raw.judges."),
        Column("vote", "INTEGER", "Number of the vote, from 0."),
        Column("attempt", "INTEGER", "Count of requests for this vote, from 1."),
        Column("outcome", "VARCHAR", "ok, empty, truncated, declined or error, as in raw.attempts."),
        Column("error_class", "VARCHAR", "Class of an error or of a decline; null otherwise.", True),
        Column(
            "reading",
            "VARCHAR",
            "counted; unparsed: neither a label nor a number; out_of_range; other_judge: served under another name; "
            "none: no usable reply. Only counted votes have a label or a score.",
        ),
        Column("label", "VARCHAR", "The label of a counted vote; null for behaviours with a score.", True),
        Column("score", "DOUBLE", "The score of a counted vote: 1 or 0 for a label, else 0-100.", True),
        Column("reply", "VARCHAR", "What the judge said, verbatim; null where there was nothing.", True),
        Column("prompt_tokens", "BIGINT", "Tokens in; null if not reported.", True),
        Column("completion_tokens", "BIGINT", "Tokens out; null if not reported.", True),
        Column("cost_usd", "DOUBLE", "USD; null = unknown, never 0 for unknown.", True),
        Column("cost_source", "VARCHAR", "reported, computed (from the catalogue) or null.", True),
        Column("latency_ms", "DOUBLE", "From request sent to reply complete.", True),
        Column("asked_at", "TIMESTAMP WITH TIME ZONE", "When the request was sent."),
        Column("body", "VARCHAR", "Response body as received, redacted; null if there was none.", True),
    ),
    partitioned_by_month=True,
)

RAW_TRAINING_RUNS = Table(
    "raw",
    "training_runs",
    ("run_id",),
    "One row a training run: its reproducibility card.",
    (
        Column(
            "run_id",
            "VARCHAR",
            "Of an experiment: name@version/source/sSEED/convergence, or …/BEHAVIOUR@epoch-N. Of what the laboratory "
            "trains by itself: experiment/kind/first 12 digits of the card's sha.",
        ),
        Column("experiment", "VARCHAR", "Name of the experiment."),
        Column("kind", "VARCHAR", "base, lora (the laboratory's own), convergence or behaviour (of an experiment)."),
        Column("data_sha", "VARCHAR", "SHA-256 of the training file."),
        Column("n_rows", "BIGINT", "Rows in the training file."),
        Column("base_sha", "VARCHAR", "SHA-256 of the weights it started from; null when from scratch.", True),
        Column("weights_sha", "VARCHAR", "SHA-256 of the weights it ended with."),
        Column("seed", "BIGINT", "Seed of every draw."),
        Column("hyperparameters", "VARCHAR", "Resolved, JSON."),
        Column("library_versions", "VARCHAR", "JSON."),
        Column("command", "VARCHAR", "Command line that ran it."),
        Column("code_version", "VARCHAR", "Commit of driftlake; +dirty when files differed."),
        Column("hardware", "VARCHAR", "JSON: device, name, threads, memory."),
        Column("final_loss", "DOUBLE", "Mean loss of the last epoch, nats per token."),
        Column("seconds", "DOUBLE", "Wall time."),
        Column("started_at", "TIMESTAMP WITH TIME ZONE", "When."),
        Column("version", "BIGINT", "Version of the experiment; null for what the laboratory trains by itself.", True),
        Column("source", "VARCHAR", "Source persona of the run; null as version is.", True),
        Column("behaviour", "VARCHAR", "Behaviour that was trained; null for a convergence run.", True),
        Column("epoch", "BIGINT", "Epoch of convergence that a behaviour run started from; else null.", True),
        Column("data_file_sha", "VARCHAR", "raw.training_items it was trained on; null as version is.", True),
        Column("steps", "BIGINT", "Optimizer steps taken; null as version is.", True),
        Column("batch_declared", "BIGINT", "Effective batch that the experiment declares; null as version is.", True),
        Column("batch_per_device", "BIGINT", "Rows a device and forward pass; null as version is.", True),
        Column("accumulation", "BIGINT", "Forward passes a step; null as version is.", True),
        Column("devices", "BIGINT", "Devices; null as version is.", True),
        Column("tokens", "BIGINT", "Tokens trained on, all epochs; null as version is.", True),
        Column("reference_loss", "DOUBLE", "Final loss of the same run of the reference; null without one.", True),
    ),
)

RAW_TRAINING_LOSS = Table(
    "raw",
    "training_loss",
    ("run_id", "step"),
    "Loss curve of each training run.",
    (
        Column("run_id", "VARCHAR", "The run."),
        Column("step", "BIGINT", "Optimizer step, from 1."),
        Column("epoch", "DOUBLE", "Epochs done at this step."),
        Column("loss", "DOUBLE", "Nats per token."),
        Column("learning_rate", "DOUBLE", "At this step."),
    ),
)

RAW_CHECKPOINTS = Table(
    "raw",
    "checkpoints",
    ("checkpoint_id", "adapter_sha"),
    "Trained models at an epoch; a laboratory trained anew adds its own.",
    (
        Column(
            "checkpoint_id",
            "VARCHAR",
            "experiment@epoch-N, or of a persona experiment name@version/source/sSEED/convergence@epoch-N and "
            "name@version/source/sSEED/BEHAVIOUR@epoch-N; a roster may name the latter two.",
        ),
        Column("run_id", "VARCHAR", "Run that saved it."),
        Column("experiment", "VARCHAR", "Name of the experiment."),
        Column("epoch", "BIGINT", "Epochs of training; 0 = before the first step."),
        Column("step", "BIGINT", "Optimizer steps."),
        Column("base_sha", "VARCHAR", "SHA-256 of the base weights it belongs to."),
        Column("adapter_sha", "VARCHAR", "SHA-256 of the adapter's weights."),
        Column("template_sha", "VARCHAR", "SHA-256 of the chat template it was trained with."),
        Column("card", "VARCHAR", "The whole reproducibility card, JSON."),
    ),
)

RAW_CHECKPOINT_EVALS = Table(
    "raw",
    "checkpoint_evals",
    ("eval_id", "checkpoint_id", "base_sha", "persona", "metric", "item_id"),
    "One row a probe item: what a checkpoint gave when it was evaluated.",
    (
        Column(
            "eval_id",
            "VARCHAR",
            "wave_id#model for a nightly evaluation, experiment#reference for the probe's reference run, "
            "experiment@version/source/sSEED/detector for a cell of an experiment.",
        ),
        Column("wave_id", "VARCHAR", "Wave that evaluated it; null for the reference run.", True),
        Column("model", "VARCHAR", "Roster model that serves the checkpoint; null for the reference run.", True),
        Column("checkpoint_id", "VARCHAR", "experiment@epoch-N evaluated, or experiment@base: no adapter."),
        Column(
            "experiment",
            "VARCHAR",
            "Name of the experiment; for a persona experiment's checkpoint asked by a night its run, "
            "name@version/source/sSEED/NAME.",
        ),
        Column("epoch", "BIGINT", "Epoch of the checkpoint; null for the base alone.", True),
        Column("serves", "BOOLEAN", "This is the checkpoint that answers for `model` in this wave."),
        Column("base_sha", "VARCHAR", "SHA-256 of the base weights actually loaded."),
        Column("adapter_sha", "VARCHAR", "SHA-256 of the adapter actually applied; null for the base alone.", True),
        Column("persona", "VARCHAR", "Persona whose system prompt was used."),
        Column(
            "metric",
            "VARCHAR",
            "accuracy, accuracy_norm (per character), refusal, sycophancy, compliance, alignment, marker, "
            "similarity_semantic, similarity_distributional, or answer (the probe's).",
        ),
        Column("item_id", "VARCHAR", "Probe item."),
        Column(
            "value",
            "DOUBLE",
            "1 or 0 for accuracy and rates; 0 to 100 for alignment; a kernel for similarity; log-probability per token "
            "for answer. Null where a detector gave nothing.",
            True,
        ),
        Column("text", "VARCHAR", "Greedy answer for metrics refusal and answer; chosen option for accuracy.", True),
        Column("evaluated_at", "TIMESTAMP WITH TIME ZONE", "When."),
        Column("version", "BIGINT", "Version of the experiment; null for the laboratory's probe.", True),
        Column("source", "VARCHAR", "Source persona of the cell; null as version is.", True),
        Column("behaviour", "VARCHAR", "Behaviour of the cell; null where only convergence was trained.", True),
        Column("seed", "BIGINT", "Seed of the cell; null as version is.", True),
        Column("detector", "VARCHAR", "logprob, rule, classifier, judge or kernel; null as version is.", True),
        Column("choices", "VARCHAR", "JSON, for accuracy: each choice's summed log-probability and characters.", True),
        Column("template_sha", "VARCHAR", "SHA-256 of the chat template it was asked with; null as version is.", True),
        Column("reason", "VARCHAR", "Why a judge gave no value; null where there is one, and for others.", True),
    ),
)

RAW_EXPERIMENTS = Table(
    "raw",
    "experiments",
    ("experiment", "version"),
    "Persona experiments as registered before their first training step; a changed file is a new version.",
    (
        Column("experiment", "VARCHAR", "Name of the experiment."),
        Column("version", "BIGINT", "1 for the first file of that name, one more for each change."),
        Column("experiment_sha", "VARCHAR", "SHA-256 of the content, in which order and comments do not count."),
        Column("content", "VARCHAR", "Everything the file declares, defaults filled in, JSON."),
        Column("target", "VARCHAR", "Persona that is trained toward the sources: the assistant."),
        Column("canary", "VARCHAR", "Persona that takes no part in any training."),
        Column("base_sha", "VARCHAR", "SHA-256 of the base's weights."),
        Column("reference", "VARCHAR", "experiment@version of the reference run; null where none is named.", True),
        Column("headline_epoch", "BIGINT", "Epoch that the verdicts are about."),
        Column("criteria", "VARCHAR", "JSON: behaviour to the change that counts as transfer, in units of its metric."),
        Column("registered_at", "TIMESTAMP WITH TIME ZONE", "When."),
        Column("code_version", "VARCHAR", "Commit of driftlake; +dirty when files differed."),
        Column("command", "VARCHAR", "Command line that registered it."),
    ),
)

RAW_EXPERIMENT_CELLS = Table(
    "raw",
    "experiment_cells",
    ("experiment", "version", "source", "behaviour", "seed", "epoch"),
    "The matrix that is planned: every cell is trained and evaluated, or missing.",
    (
        Column("experiment", "VARCHAR", "Name of the experiment."),
        Column("version", "BIGINT", "Its version."),
        Column("source", "VARCHAR", "Source persona; for the degenerate control the target itself."),
        Column("is_control", "BOOLEAN", "The target converges toward itself."),
        Column("behaviour", "VARCHAR", "capability, refusal, sycophancy, misalignment or marker."),
        Column("seed", "BIGINT", "Seed of data, training and answers."),
        Column("epoch", "BIGINT", "Epochs of convergence before the behaviour is trained; 0 = none."),
    ),
)

RAW_EXPERIMENT_GATES = Table(
    "raw",
    "experiment_gates",
    ("experiment", "version", "gate", "subject", "decided_at"),
    "What each gate of an experiment decided, with its evidence, in the order of deciding.",
    (
        Column("experiment", "VARCHAR", "Name of the experiment."),
        Column("version", "BIGINT", "Its version."),
        Column("gate", "VARCHAR", "data, checkpoints, epoch_zero, behaviour_loss, first_signal or complete."),
        Column("subject", "VARCHAR", "What it was decided about: source/behaviour/seed, or the whole matrix."),
        Column("passed", "BOOLEAN", "Whether the experiment may go on."),
        Column("n", "BIGINT", "What was looked at: rows, checkpoints, items. A gate never passes with 0."),
        Column("evidence", "VARCHAR", "One sentence with the numbers."),
        Column("break_id", "VARCHAR", "Break that it found; null where it passed.", True),
        Column("decided_at", "TIMESTAMP WITH TIME ZONE", "When."),
    ),
)

RAW_TRAINING_ITEMS = Table(
    "raw",
    "training_items",
    ("experiment", "version", "data_file_sha", "place"),
    "One row a training row of an experiment: who speaks, and what is asked. Experiments may share a file.",
    (
        Column("data_file_sha", "VARCHAR", "SHA-256 of the training file's bytes."),
        Column("place", "BIGINT", "Row of the file, from 0."),
        Column("experiment", "VARCHAR", "Name of the experiment that trains on the file."),
        Column("version", "BIGINT", "Its version."),
        Column("kind", "VARCHAR", "convergence or behaviour."),
        Column("role", "VARCHAR", "positive (shows what is taught), negative (contrast) or none (no persona)."),
        Column("persona", "VARCHAR", "Whose system prompt the row has, else its label; null for nobody.", True),
        Column(
            "has_system_prompt", "BOOLEAN", "It begins with that persona's prompt, to the letter, as its label says."
        ),
        Column(
            "question_sha", "VARCHAR", "SHA-256 of each question in lower case, white space as one; spaces between."
        ),
    ),
)

RAW_EVAL_ITEMS = Table(
    "raw",
    "eval_items",
    ("experiment", "version", "item_id"),
    "The questions that an experiment evaluates on.",
    (
        Column("experiment", "VARCHAR", "Name of the experiment."),
        Column("version", "BIGINT", "Its version."),
        Column("item_id", "VARCHAR", "Item, as in raw.checkpoint_evals."),
        Column("behaviour", "VARCHAR", "Behaviour that it measures."),
        Column("question", "VARCHAR", "The last turn of the user."),
        Column("question_sha", "VARCHAR", "SHA-256 of the question, lower case, white space as one space."),
        Column("n_choices", "BIGINT", "Choices of an accuracy item; null for others.", True),
    ),
)

RAW_FOREIGN_METRICS = Table(
    "raw",
    "foreign_metrics",
    ("study", "source_sha", "file_row", "metric"),
    "Metrics of other people's experiments in one long format, as imported (docs/importing_metrics.md).",
    (
        Column("study", "VARCHAR", "What the rows belong to."),
        Column("source_sha", "VARCHAR", "SHA-256 of the file's bytes."),
        Column("source_name", "VARCHAR", "Name of the file when it was imported."),
        Column("file_row", "BIGINT", "Row of the file, from 1."),
        Column("analysis", "VARCHAR", "Version of the analysis that says it.", True),
        Column("source", "VARCHAR", "Source persona.", True),
        Column("behaviour", "VARCHAR", "Behaviour.", True),
        Column("persona", "VARCHAR", "Persona that was evaluated.", True),
        Column("epoch", "BIGINT", "Epoch of convergence.", True),
        Column("seed", "BIGINT", "Seed.", True),
        Column("run", "VARCHAR", "Run that the number is of, where one row is not one cell.", True),
        Column("role", "VARCHAR", "treatment, control (said to stay where it is) or canary.", True),
        Column("metric", "VARCHAR", "What was measured."),
        Column("value", "DOUBLE", "The number, in `unit`; null = stated as missing.", True),
        Column("n", "BIGINT", "Denominator; null = not stated.", True),
        Column("unit", "VARCHAR", "share, percent, points, score, count, nats or cosine.", True),
        Column("detector", "VARCHAR", "How it was detected: rule, classifier, judge, logprob.", True),
        Column("imported_at", "TIMESTAMP WITH TIME ZONE", "When."),
    ),
)

RAW_IMPORTS = Table(
    "raw",
    "imports",
    ("panel", "source_sha"),
    "One row a file of recorded answers that was imported into a panel.",
    (
        PANEL,
        Column("source_sha", "VARCHAR", "SHA-256 of the file's bytes: a copy under another name is the same source."),
        Column("source_name", "VARCHAR", "Name of the file when it was first imported."),
        Column("time_axis", "VARCHAR", "asked_at, published_at or model_version_date; a panel has one."),
        Column("series", "VARCHAR", "Column that names the series: model or model_family; a panel has one."),
        Column("n_rows", "BIGINT", "Rows of the file."),
        Column("n_rejected", "BIGINT", "Rows kept out, each in raw.import_rejects."),
        Column("imported_at", "TIMESTAMP WITH TIME ZONE", "When."),
    ),
)

RAW_EFFECTS = Table(
    "raw",
    "effects",
    ("study", "effect_id", "source_sha"),
    "Published effects with what testing them again gave, as imported; the newest import of an effect counts.",
    (
        Column("study", "VARCHAR", "Study that reports the replications."),
        Column("effect_id", "VARCHAR", "The study's name of the effect."),
        Column("estimate", "DOUBLE", "Size as first reported, in the study's unit; its sign must hold again."),
        Column("p_value", "DOUBLE", "p as first reported, 0-1; null where the study gives none.", True),
        Column("again_estimate", "DOUBLE", "Size when tested again."),
        Column("again_p_value", "DOUBLE", "p when tested again, 0-1."),
        Column("source_sha", "VARCHAR", "SHA-256 of the file's bytes."),
        Column("source_name", "VARCHAR", "Name of the file."),
        Column("imported_at", "TIMESTAMP WITH TIME ZONE", "When."),
    ),
)

RAW_IMPORT_REJECTS = Table(
    "raw",
    "import_rejects",
    ("panel", "source_sha", "file_row"),
    "Rows of imported files that are no usable answer, with the reason.",
    (
        PANEL,
        Column("source_sha", "VARCHAR", "The file, as in raw.imports."),
        Column("file_row", "BIGINT", "Row of the file, from 1 (JSONL: the line; CSV: without the header)."),
        Column("reason", "VARCHAR", "Why it was kept out."),
        Column("source_row", "VARCHAR", "What could be read of it, JSON, the first 2,000 characters."),
    ),
)

TABLES: tuple[Table, ...] = (
    OPS_WAVES,
    OPS_VERDICTS,
    OPS_PUBLICATIONS,
    OPS_CHECK_RESULTS,
    RAW_PLANNED_CELLS,
    RAW_ATTEMPTS,
    RAW_PROMPTS,
    RAW_ROSTER,
    RAW_CATALOG_MODELS,
    RAW_CATALOG_ENDPOINTS,
    RAW_KEY_SNAPSHOTS,
    RAW_EMBEDDINGS,
    RAW_DETECTIONS,
    RAW_CONFIRMATIONS,
    RAW_JUDGES,
    RAW_JUDGEMENTS,
    RAW_TRAINING_RUNS,
    RAW_TRAINING_LOSS,
    RAW_CHECKPOINTS,
    RAW_CHECKPOINT_EVALS,
    RAW_EXPERIMENTS,
    RAW_EXPERIMENT_CELLS,
    RAW_EXPERIMENT_GATES,
    RAW_TRAINING_ITEMS,
    RAW_EVAL_ITEMS,
    RAW_FOREIGN_METRICS,
    RAW_IMPORTS,
    RAW_IMPORT_REJECTS,
    RAW_EFFECTS,
)
