"""The guide's arrangement: form, harmony, melody, rhythm, and the resulting score."""
