"""How well networks fill: photographs, seeded holes, fillers, measures, tables."""
