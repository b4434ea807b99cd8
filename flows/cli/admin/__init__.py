"""Commands for administering a machine or a farm: doctor, deploy, backup, models, disk."""
