"""The epochs of training: both tasks in batches, dev figures, the best epoch's checkpoint, the state for a restart.

Per epoch one pass over the relation data (cross-entropy of pass 1; swapped pictures do not belong) and one over the NER
data (CRF likelihood after pass 2): one after the other as in the paper's algorithm 1, or with `interleave` in one
shuffle. Epochs are compared on dev.
"""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import psutil
import torch
from accelerate import Accelerator
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm
from transformers import PreTrainedTokenizerBase, get_linear_schedule_with_warmup

from rpbert.data.regions import RegionStore
from rpbert.evaluation.calibration import calibrate
from rpbert.evaluation.metrics import evaluate
from rpbert.model.checkpoint import load_checkpoint, save_checkpoint
from rpbert.model.configuration import preset_config
from rpbert.model.modeling import RpBert
from rpbert.training.alignment import CrossFit
from rpbert.training.batches import Batch, PictureInputs, ner_batches, relation_batches
from rpbert.training.objectives import Objectives
from rpbert.training.pairs import fit_belongs
from rpbert.training.parameters import freeze_aligned, parameter_groups
from rpbert.training.recipe import Recipe
from rpbert.training.teacher import Teaching
from rpbert.training.vectors import fit_vectors

STATE = "state"
HISTORY = "history.json"


def dev_figures(
    model: RpBert, tokenizer: PreTrainedTokenizerBase, store: RegionStore, sets: dict[str, Any]
) -> dict[str, float]:
    """The figures that epochs are compared by: strict F1, with soft gate where pictures are, and relation AUCs."""
    figures = {}
    for path, examples in sets["dev_tweets"].items():
        regions = store if any(example.picture for example in examples) else None
        figures[f"{path} strict F1"] = evaluate(model, tokenizer, examples, regions)["ner"]["strict"]["f1"]
    pairs = evaluate(model, tokenizer, sets["dev_pairs"], store)
    if "ner" in pairs:
        figures["pairs strict F1"] = pairs["ner"]["strict"]["f1"]
    relation = pairs["relation"]
    for task in ("image_adds", "text_represented"):
        figures[f"{task} AUC"] = relation[task]["auc"]
    figures["swapped AUC"] = relation["swapped_auc"]
    return figures


class Epochs:
    """The multitask epochs, with everything that has to survive a restart."""

    def __init__(
        self,
        accelerator: Accelerator,
        model: RpBert,
        tokenizer: PreTrainedTokenizerBase,
        store: RegionStore,
        recipe: Recipe,
        sets: dict[str, Any],
        output: Path,
        teaching: Teaching | None = None,
        cross_fit: CrossFit | None = None,
    ) -> None:
        config = model.config
        pieces = config.scene_pieces if config.scene_text else 0
        self.inputs = PictureInputs(tokenizer, pieces, cross_fit)
        self.readings = teaching and teaching.readings
        self.accelerator, self.model, self.tokenizer, self.store = accelerator, model, tokenizer, store
        self.recipe, self.sets, self.output = recipe, sets, output
        settings = recipe.multitask
        if recipe.alignment.epochs:
            freeze_aligned(model)
        objectives = Objectives(model, settings, teaching and teaching.crf, recipe.teacher.share)
        optimizer = torch.optim.AdamW(parameter_groups(objectives, settings), fused=True)
        steps = settings.epochs * len(self._batches(0))
        schedule = get_linear_schedule_with_warmup(optimizer, int(settings.warmup * steps), steps)
        self.objectives, self.optimizer, self.schedule = accelerator.prepare(objectives, optimizer, schedule)
        # Names and relation are best at different epochs; their weights' average is steadier than any one step's.
        self.averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(settings.average))
        accelerator.register_for_checkpointing(self.averaged)

    @property
    def kept(self) -> RpBert:
        """The model with the averaged weights: what is compared on dev and saved."""
        kept = self.averaged.module
        assert isinstance(kept, RpBert)
        return kept

    def run(self, record: dict[str, Any], resume: bool) -> dict[str, Any]:
        """All epochs that are still to do; where there are none, one without a batch, for what follows an epoch."""
        if resume:
            self.accelerator.load_state(str(self.output / STATE))
            record |= json.loads((self.output / STATE / HISTORY).read_text())
        for epoch in range(len(record["epochs"]), max(1, self.recipe.multitask.epochs)):
            record["epochs"].append(self._epoch(epoch))
            figures = record["epochs"][-1]["dev"]
            if self.accelerator.is_main_process:
                print(f"epoch {epoch + 1}:", *(f"{name} {value:.4f}" for name, value in figures.items()), sep="\n  ")
                if figures["mean"] == max(past["dev"]["mean"] for past in record["epochs"]):
                    save_checkpoint(self.kept, self.tokenizer, self.output)
            self._save_state(record)
        if self.accelerator.is_main_process:
            self._calibrate(record)
        self.accelerator.wait_for_everyone()
        return record

    def _calibrate(self, record: dict[str, Any]) -> None:
        """Calibrate the best epoch's checkpoint on dev.

        What is fitted stands in its configuration, so the file of the weights is not written again: a run killed
        meanwhile has it whole, and calibrates anew when it is resumed.
        """
        model, tokenizer = load_checkpoint(self.output)
        model.config.belongs_prior = preset_config(self.recipe.preset).belongs_prior
        tweets = [tweet for examples in self.sets["dev_tweets"].values() for tweet in examples]
        pairs = self.sets["dev_pairs"]
        record["calibration"] = calibrate(model.to(self.accelerator.device), tokenizer, pairs, self.store, tweets)
        model.config.trained = True
        model.config.save_pretrained(self.output)
        (self.output / HISTORY).write_text(json.dumps(record, indent=1) + "\n")

    def _save_state(self, record: dict[str, Any]) -> None:
        """Replace the saved state by renaming, so that a run killed while it saves still has the last whole one."""
        state, new = self.output / STATE, self.output / f"{STATE}.new"
        self.accelerator.save_state(str(new))
        if self.accelerator.is_main_process:
            for folder in (new, self.output):
                (folder / HISTORY).write_text(json.dumps(record, indent=1) + "\n")
            old = self.output / f"{STATE}.old"
            shutil.rmtree(old, ignore_errors=True)
            if state.exists():
                state.rename(old)
            new.rename(state)
            shutil.rmtree(old, ignore_errors=True)
        self.accelerator.wait_for_everyone()

    def _batches(self, epoch: int) -> list[tuple[str, Batch]]:
        """Every batch of an epoch with its task."""
        settings = self.recipe.multitask
        if not settings.epochs:
            return []
        generator = torch.Generator().manual_seed(1000 * self.recipe.seed + epoch)
        limit, features = self.model.config.max_pieces, self.model.word_features
        pairs, unlabelled = self.sets["pairs"], self.sets["unlabelled"]
        drawn = torch.randperm(len(unlabelled), generator=generator).tolist()
        taken = drawn[: self.recipe.teacher.per_epoch or len(drawn)]
        tweets = [*self.sets["tweets"], *pairs, *(unlabelled[index] for index in taken)]
        related = pairs if settings.relation_weight else []
        relation = relation_batches(related, self.tokenizer, limit, settings, generator, self.inputs)
        ner = ner_batches(tweets, self.tokenizer, limit, settings, generator, features, self.readings, self.inputs)
        batches = [*(("relation", batch) for batch in relation), *(("ner", batch) for batch in ner)]
        if settings.interleave:
            batches = [batches[index] for index in torch.randperm(len(batches), generator=generator).tolist()]
        return batches

    def _epoch(self, epoch: int) -> dict[str, Any]:
        began = time.monotonic()
        self.objectives.train()
        sums: dict[str, list[float]] = {}
        batches = self._batches(epoch)
        even = len(batches) - len(batches) % self.accelerator.num_processes  # every process takes as many steps
        share = batches[self.accelerator.process_index : even : self.accelerator.num_processes]
        for task, batch in tqdm(share, desc=f"epoch {epoch + 1}", unit="batch"):
            loss = self.objectives(task, self._tensors(batch))
            self.accelerator.backward(loss)
            self.accelerator.clip_grad_norm_(self.objectives.parameters(), self.recipe.multitask.clip)
            self.optimizer.step()
            self.schedule.step()
            self.optimizer.zero_grad()
            self.averaged.update_parameters(self.model)
            sums.setdefault(task, []).append(float(loss.detach()))
        trained = time.monotonic() - began
        if (folds := self.inputs.cross_fit) is not None and self.kept.config.belongs:
            fit_belongs(self.kept, self.tokenizer, self.sets["pairs"], folds, self.recipe.seed)
            fit_vectors(self.kept, self.tokenizer, self.sets["pairs"], self.store, folds)
        figures = dev_figures(self.kept.eval(), self.tokenizer, self.store, self.sets)
        figures["mean"] = sum(figures.values()) / len(figures)
        losses = {task: sum(values) / len(values) for task, values in sums.items()}
        return {
            "loss": losses,
            "dev": figures,
            "seconds": {"train": trained, "dev": time.monotonic() - began - trained},
            "memory_mb": psutil.Process().memory_info().rss // 2**20,  # of this process, at the epoch's end
        }

    def _tensors(self, batch: Batch) -> dict[str, Tensor]:
        tensors = dict(batch.tensors)
        if batch.pictures:
            tensors["regions"] = self.store(batch.pictures)
        return {name: tensor.to(self.accelerator.device) for name, tensor in tensors.items()}
