package shardmap

// noCopy makes "go vet" (copylocks) report copies of the struct that holds it. It occupies no memory.
type noCopy struct{}

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}
