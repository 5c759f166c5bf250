"""The page of the figures: its chapters, the verdicts on the lines, and the HTML."""
