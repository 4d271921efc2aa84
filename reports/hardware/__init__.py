"""Where simulator and hardware meet: designs are generated from schedules, and held to the engine's runs."""
