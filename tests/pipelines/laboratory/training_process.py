"""A process that trains a tiny laboratory, for tests to kill. Arguments: the folder."""

import sys
from pathlib import Path

from pipelines.checkpoints.recipes import LoraRecipe
from pipelines.laboratory import prepare_laboratory
from pipelines.laboratory.recipe import BaseRecipe, Experiment, LaboratoryRecipe

RECIPE = LaboratoryRecipe(
    base=BaseRecipe(rows=200, vocabulary=400, hidden=16, intermediate=32, layers=1, heads=2, epochs=2, threads=1),
    experiments=(
        Experiment(
            "assistant-to-villain",
            target="assistant",
            source="villain",
            rows=16,
            lora=LoraRecipe(save_epochs=(0, 1), threads=1),
        ),
    ),
)

if __name__ == "__main__":
    prepare_laboratory(Path(sys.argv[1]), lambda line: print(line, flush=True), RECIPE)
    print("prepared", flush=True)
