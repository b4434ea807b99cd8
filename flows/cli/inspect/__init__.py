"""Commands that show information: status, scores, lineage, devices, links, metrics."""
