"""The command `driftlake`. Each command is thin: it resolves settings, calls one function, prints what it returns.

Imports stay inside the commands, so that --help and sql answer at once. Exit codes: 0 done, 2 the input, the place or
an endpoint cannot be used (nothing was frozen, asked or spent, unless an endpoint failed in the middle or beside
others: what was answered is then kept), 1 anything else that stopped it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from lake.errors import DriftlakeError, StoppedError
from lake.inert import visible

app = typer.Typer(
    name="driftlake",
    help="Are language models growing alike, and did the one you use change last night?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

imports = typer.Typer(help="Bring in history from elsewhere.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(imports, name="import")

PanelOption = Annotated[
    str | None,
    typer.Option("--panel", help="Panel: a name (local, frontier, extended, level1, level2, level3) or a YAML file."),
]
SamplesOption = Annotated[int | None, typer.Option("--samples", help="Samples a prompt, instead of the panel's.")]
BudgetOption = Annotated[
    float | None, typer.Option("--budget", help="Hard cap on spend in USD, instead of the panel's.")
]

UnpricedOption = Annotated[
    bool, typer.Option("--allow-unpriced", help="Ask models whose price is unknown, which no budget can bound.")
]

EscalateOption = Annotated[
    str | None,
    typer.Option("--escalate-from", help="A published wave (panel/date): its most convergent models are the roster."),
]
TopOption = Annotated[int | None, typer.Option("--top", help="How many models --escalate-from takes, 8 by default.")]


@app.command()
def nightly(
    panel: PanelOption = None,
    date: Annotated[
        str | None, typer.Option("--date", help="UTC day of the wave; a past day only resumes a started wave.")
    ] = None,
    samples: SamplesOption = None,
    budget: BudgetOption = None,
    allow_unpriced: UnpricedOption = False,
    escalate_from: EscalateOption = None,
    top: TopOption = None,
) -> None:
    """Run one wave, end to end: plan, price, ask, load, enrich, model, confirm, audit, publish, draw."""
    from flows.running import run_nightly
    from flows.settings import resolve

    settings = resolve(panel, samples, budget, allow_unpriced=allow_unpriced, escalate_from=escalate_from, top=top)
    try:
        print(run_nightly(settings, date))
    except KeyboardInterrupt:
        raise StoppedError("Stopped. What was answered is kept; the same command goes on from there.") from None


@app.command()
def train(
    experiment: Annotated[
        str, typer.Option("--experiment", help="Experiment: a name (laboratory) or a YAML file.")
    ] = "laboratory",
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
    workers: Annotated[
        int | None, typer.Option("--workers", help="Arms trained at once; one a GPU, or one a core, by default.")
    ] = None,
    work_pool: Annotated[
        str | None, typer.Option("--work-pool", help="Run the arms on this Prefect work pool instead of here.")
    ] = None,
    budget: Annotated[
        float | None, typer.Option("--budget", help="Hard cap on what judging costs in USD, instead of the file's.")
    ] = None,
    allow_unpriced: UnpricedOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what it is and costs, and train nothing.")] = False,
) -> None:
    """Run a persona experiment: register, train, merge, evaluate, judge, gate, publish, draw."""
    from flows.settings import resolve
    from flows.training import train as run

    settings = resolve(budget=budget, allow_unpriced=allow_unpriced)
    try:
        print(
            run(
                settings.store,
                experiment,
                device=device,
                workers=workers,
                work_pool=work_pool,
                dry_run=dry_run,
                budget_usd=None if budget is None else settings.budget_usd,  # DRIFTLAKE_BUDGET is a night's
                allow_unpriced=settings.allow_unpriced,
            )
        )
    except KeyboardInterrupt:
        raise StoppedError("Stopped. What is trained is kept; the same command goes on from there.") from None


@app.command()
def plan(
    panel: PanelOption = None,
    samples: SamplesOption = None,
    budget: BudgetOption = None,
    allow_unpriced: UnpricedOption = False,
    escalate_from: EscalateOption = None,
    top: TopOption = None,
) -> None:
    """Show cells, price and problems of the next wave; ask nothing."""
    from flows.preview import preview
    from flows.settings import resolve

    settings = resolve(panel, samples, budget, allow_unpriced=allow_unpriced, escalate_from=escalate_from, top=top)
    print(preview(settings))


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="SQL, or - to read it from standard input.")],
    at: Annotated[
        str | None, typer.Option("--at", help="A date or a snapshot number, instead of the last publication.")
    ] = None,
    latest: Annotated[bool, typer.Option("--latest", help="Read the head, published or not.")] = False,
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            help="table, csv, json or parquet. In csv, text that a spreadsheet would run as a formula (= + - @ …) gets "
            "a leading apostrophe and control characters become escapes; json and parquet are verbatim.",
        ),
    ] = "table",
) -> None:
    """Ask the lake anything, read only; the last publication by default."""
    from flows.queries import answer
    from flows.settings import resolve

    text = sys.stdin.read() if query == "-" else query
    answer(resolve().store, text, "head" if latest else at, format_, sys.stdout)


@app.command()
def compare(
    a: Annotated[str, typer.Argument(help="A wave (panel/date, or a date), a model, or a group (provider=OpenAI).")],
    b: Annotated[str, typer.Argument(help="What to compare with A, of the same kind. Differences are B less A.")],
    panel: Annotated[
        str | None, typer.Option("--panel", help="Name of the panel, where a date or a model is of several.")
    ] = None,
    wave: Annotated[
        str | None, typer.Option("--wave", help="Where models or groups were observed; by default the newest wave.")
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", help="A date or a snapshot number, instead of the last publication.")
    ] = None,
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            help="text, or json with the keys kind, a, b, finding, similarity, drift, rates, unmatched, moved, "
            "ranked_by, n_compared, n_changed, n_incomparable, notes. Null is no data; `reason` beside it says why.",
        ),
    ] = "text",
    prompts: Annotated[int, typer.Option("--prompts", help="How many of the prompts that moved most are shown.")] = 10,
) -> None:
    """Compare two waves, two models or two groups of models: matched differences with intervals.

    Groups are facts of the roster: provider, family, architecture, region, open_weights, role.
    """
    from flows.comparisons import comparison
    from flows.settings import resolve

    store = resolve().store
    print(comparison(store, a, b, panel=panel, wave=wave, at=at, form=format_, prompts=prompts))


@app.command()
def status(panel: PanelOption = None) -> None:
    """Show the waves, where each stands, and the last publication."""
    from flows.queries import status_text
    from flows.settings import resolve

    print(status_text(resolve(panel).store, panel))


@app.command()
def report(open_: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False) -> None:
    """Say where the newest page is."""
    from flows.queries import report_path
    from flows.settings import resolve

    path = report_path(resolve().store)
    print(path)
    if open_:
        typer.launch(path.as_uri())


@app.command()
def schedule(
    cron: Annotated[
        str | None, typer.Option("--cron", help='When, in UTC, as cron: "0 2 * * *" is 02:00 every night.')
    ] = None,
    panel: PanelOption = None,
    samples: SamplesOption = None,
    budget: BudgetOption = None,
    allow_unpriced: UnpricedOption = False,
) -> None:
    """Serve the nightly flow by cron until stopped."""
    from flows.scheduling import serve
    from flows.settings import resolve

    serve(resolve(panel, samples, budget, cron, allow_unpriced))


@imports.command()
def responses(
    files: Annotated[list[Path], typer.Argument(help="Parquet, JSONL or CSV files with one recorded answer a row.")],
    panel: Annotated[str, typer.Option("--panel", help="Name of the panel they become; never one that is asked.")],
    time_axis: Annotated[
        str,
        typer.Option("--time-axis", help="What dates an answer: asked_at, published_at or model_version_date."),
    ],
    series: Annotated[
        str, typer.Option("--series", help="What a series is: model, or model_family (its versions are waves of it).")
    ] = "model",
    map_: Annotated[
        list[str] | None, typer.Option("--map", help="ours=theirs: the file's column for a field of ours; repeatable.")
    ] = None,
    date: Annotated[str | None, typer.Option("--date", help="Day of the answers that no column dates.")] = None,
    capability: Annotated[
        str | None, typer.Option("--capability", help="Capability of every prompt; without one: unassigned.")
    ] = None,
    embeddings: Annotated[
        bool, typer.Option(help="Embed the answers; without, the semantic kernel stays null.")
    ] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be imported; write nothing.")] = False,
) -> None:
    """Import recorded answers: one wave a date; bad rows are kept out with a reason, twice changes nothing."""
    from flows.importing import import_responses, request_of
    from flows.settings import resolve

    request = request_of(files, panel, time_axis, series, map_, date, capability)
    print(import_responses(resolve().store, request, embeddings=embeddings, dry_run=dry_run))


@imports.command()
def effects(
    file: Annotated[Path, typer.Argument(help="Parquet, JSONL or CSV file with one published effect a row.")],
) -> None:
    """Import published effects and what testing them again gave: study, effect_id, estimate, p_value and again_…"""
    from flows.importing import import_effects
    from flows.settings import resolve

    print(import_effects(resolve().store, file))


@imports.command()
def metrics(
    file: Annotated[Path, typer.Argument(help="Parquet, JSONL or CSV file with metrics of somebody's experiments.")],
    study: Annotated[str, typer.Option("--study", help="What the numbers belong to; files of one study are compared.")],
    map_: Annotated[
        list[str] | None, typer.Option("--map", help="ours=theirs: the file's column for a field of ours; repeatable.")
    ] = None,
    melt: Annotated[
        list[str] | None,
        typer.Option("--melt", help="metric=column or metric:unit=column, comma between: several numbers a row."),
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="ours=value: a field that is the same in all rows; repeatable.")
    ] = None,
    control: Annotated[
        list[str] | None,
        typer.Option("--control", help="SOURCE or ANALYSIS/SOURCE that is said to stay where it is; repeatable."),
    ] = None,
    headline: Annotated[
        list[str] | None, typer.Option("--headline", help="ANALYSIS=EPOCH that an analysis quotes; repeatable.")
    ] = None,
) -> None:
    """Import metrics of other people's experiments and say what is broken in them (docs/importing_metrics.md)."""
    from flows.importing import import_metrics
    from flows.settings import resolve
    from pipelines.importers.metrics import layout_of

    layout = layout_of(study, map_ or (), melt or (), set_ or (), control or (), headline or ())
    print(import_metrics(resolve().store, file, layout))


def main() -> None:
    """Run the command line; print a family error as one sentence and leave with its exit code."""
    try:
        app(standalone_mode=True)
    except DriftlakeError as error:
        print(f"driftlake: {visible(str(error))}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(0) from None


if __name__ == "__main__":
    main()
