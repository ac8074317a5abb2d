"""What programs do with EDM4HEP files: a model applied to one, and what there is in one."""
