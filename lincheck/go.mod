module github.com/shardmap-go/shardmap/lincheck

go 1.26.0

replace github.com/shardmap-go/shardmap => ../

require (
	github.com/anishathalye/porcupine v1.3.1
	github.com/shardmap-go/shardmap v0.0.0
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/exp v0.0.0-20260908205506-85c1c2202aba // indirect
)
