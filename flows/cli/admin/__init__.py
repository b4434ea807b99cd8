"""Commands that keep a machine or a farm: doctor, deploy, backup, models, disk."""
