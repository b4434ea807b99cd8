"""Commands that look things up: status, scores, lineage, devices, links, metrics."""
