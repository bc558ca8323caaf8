package internal

type Secret struct{}
