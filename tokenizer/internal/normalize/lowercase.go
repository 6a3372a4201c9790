package normalize

// Lowercase returns the stage that maps each character to its lower case, without regard to its neighbours.
func Lowercase() Normalizer { return lowercase{} }
