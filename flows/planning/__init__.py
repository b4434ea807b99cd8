"""From a manifest to a plan: recipes, required models, batches and shards."""
