"""How the bundled networks were trained and how they are evaluated: data, recipe, loop, evaluation."""
