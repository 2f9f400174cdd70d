"""May a cleaned FASTQ leave? What is left in it of its donor, measured or bounded, and the gate before the release."""
