"""Where learning curves will stand: a regression for few of them, its uses, predictors."""
