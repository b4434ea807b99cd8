"""The steps of the pipeline: engines, scoring, enhancement, mastering, separation, acceptance, delivery."""
