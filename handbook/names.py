"""Public names, page by page and in the order in which a reader meets them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Page(NamedTuple):
    """A page of the reference: a package, what is said first, and names of it under headings."""

    package: str
    text: str
    parts: Mapping[str, str]


_HPO = Page(
    "hpo",
    "Any training, tuned: [how to](../any_training.md), [in depth](../hpo.md). `import hpo` loads "
    "each of these names where it is first used.",
    {
        "Tuning": """tune Study Trial TrialResult Report StopStudy TrialStopped StudyError
            StateError""",
        "The space": """Space Float LogFloat Int LogInt Categorical When space_around
            space_from_settings""",
        "Searchers": """random_search quasi_random_search bayesian_search bohb_search Searcher
            Observed searched""",
        "Schedulers": """full_training top_n successive_halving asha hyperband fast_hyperband
            swift_hyperband swift_improved Risk asynchronous_swift adaptive
            asynchronous_adaptive Price hyperband_brackets hyperband_epochs hyperband_trials""",
        "Predictors": """predictors.persistence predictors.svr predictors.qsvr
            predictors.extra_trees predictors.gaussian_process predictors.lkgp predictors.oracle
            predictors.Known predictors.Predictor""",
        "Studies": """run_study Journal read_journal Record fold fork branch summarise
            StudySummary Keeper Refused Unrecorded JournalError""",
        "Executors": "InlineExecutor ProcessExecutor RayExecutor ExecutorError",
        "Actions and events": """Scheduler Job Predict Propose Wait Finished Reported Completed
            Failed WorkerLost Predicted Proposed""",
        "Recorded curves": """simulate Conditions Outcome Table read_table write_table table_of
            zoo""",
        "Pages and other tools": """page plot export.to_optuna export.from_optuna
            export.to_frame export.to_csv export.to_parquet export.to_tensorboard export.rows""",
    },
)

_QSVR = Page(
    "qsvr",
    "Support vector regression as a QUBO: [in depth](../qsvr.md), "
    "[on an annealer](../annealer.md).",
    {
        "The regressor": "QSVR Published MeanOfBest",
        "The problem": """Problem Encoding build_qubo energy dual_objective encode decode
            box_optimum energy_gap""",
        "Samplers": """sampler_of SampleSet LevelGibbs SimulatedAnnealing PathIntegral Tabu
            SteepestDescent Ocean Exact Zoom QPU LeapHybrid Fallback AnnealerError
            ProblemTooLarge""",
    },
)

_DATASETS = Page(
    "datasets",
    "Events in, arrays out: [in depth](../datasets.md), [files](../files.md).",
    {
        "Files": """edm4hep.read edm4hep.read_all edm4hep.survey edm4hep.inspect edm4hep.check
            edm4hep.count_events edm4hep.described edm4hep.has edm4hep.write
            edm4hep.write_particles edm4hep.Survey edm4hep.Source edm4hep.Found
            edm4hep.EDM4HEPError""",
        "Detectors": "detector.Detector detectors.find detectors.recognise",
        "Simulation": "simulation.chain.simulate simulation.chain.observe",
        "Events": """events.EventData events.Samples events.Table events.Links events.join_events
            events.take_events""",
        "Truth": """truth.target.to_samples truth.target.samples_and_summary
            truth.target.Settings truth.target.Summary truth.truth.truth truth.truth.Visibility
            truth.truth.Truth""",
        "Datasets": """builders.write.build builders.read.open_dataset builders.read.portions
            builders.read.read samples.save samples.load samples.join samples.take""",
        "Batches": """schema.Batch batches.Plan batches.make_plan batches.make_packed_plan
            batches.Sampler batches.sequential""",
        "Jets": "jets.cluster jets.match jets.jet_response jets.width jets.missing_pt",
    },
)

_MLPF = Page(
    "mlpf_jax",
    "Models, training, physics: [how they work](../models.md), [training](../training.md), "
    "[evaluation](../evaluation.md).",
    {
        "Trained models": "load training.checkpoint.save_model training.checkpoint.load_model",
        "The model": """model.config.ModelConfig model.mlpf.MLPF model.heads.Prediction
            model.heads.particles model.statistics.Statistics model.statistics.measure""",
        "Training": """model.config.TrainConfig training.train.create_state training.train.fit
            training.train.train_on training.train.TrainState training.train.Epoch
            training.train.predict_step training.checkpoint.save_state
            training.checkpoint.restore_state training.checkpoint.DamagedState
            training.checkpoint.OtherModel""",
        "Physics": """physics.evaluation.figures physics.evaluation.measure_responses
            physics.evaluation.reconstructions physics.observables.observe
            physics.observables.Observed physics.observables.JetRule physics.observables.join
            physics.comparison.compare physics.comparison.gap_closed
            physics.calibration.calibrate""",
    },
)

ROOMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"hpo": ("export",), "datasets": ("edm4hep",)}
)
"""Packages within them that say themselves what is public."""

PAGES: Mapping[str, Page] = MappingProxyType(
    {f"reference/{page.package}": page for page in (_HPO, _QSVR, _DATASETS, _MLPF)}
)
