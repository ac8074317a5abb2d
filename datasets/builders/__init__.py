"""TFDS datasets (array_record), written and read without TensorFlow.

`write.build` makes one of `Samples` on disk; `read` opens ours and the published ones of every
version; `convert` turns tfrecord directories into array_record; `delphes` is the dataset of the
first MLPF paper. Importing is light: tensorflow-datasets is imported where it is used.
"""
