"""TFDS datasets (array_record, written and read without TensorFlow).

`datasets.builders.clic` needs tensorflow-datasets: import it where a dataset is built or read.
"""
