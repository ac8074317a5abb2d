"""What is installed: the extras that a part needs, and names that other packages use too.

python -m mlpf_install    says what is there, what is missing, and how to have it
"""

DISTRIBUTION = "mlpf-jax"
