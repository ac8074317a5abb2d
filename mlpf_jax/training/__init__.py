"""From a model and batches to a trained model: losses, the optimiser, the step, checkpoints."""
