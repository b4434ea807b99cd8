"""Cover pictures: read whole by their structure, without anything but the picture."""
