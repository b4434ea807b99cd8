"""Commands that make albums: validate, plan, render, select, retake, submit."""
