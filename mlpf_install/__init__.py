"""What is installed: the extras that a part needs, and names that other packages use too; and how
counts are said.

python -m mlpf_install    says what is there, what is missing, and how to have it
"""

DISTRIBUTION = "mlpf-jax"
