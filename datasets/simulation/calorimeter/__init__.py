"""From particles at the calorimeter face to hits in cells: showers, blobs, noise."""
