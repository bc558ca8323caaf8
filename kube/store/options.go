package store

import "k8s.io/client-go/tools/cache"

// An Option sets up a store.
type Option func(*config)

type config struct {
	transform cache.TransformFunc
	id        cache.InformerNameAndResource
	metrics   cache.InformerMetricsProvider
}

func configOf(opts []Option) (c config) {
	for _, o := range opts {
		o(&c)
	}
	return c
}

// WithTransformer makes a store of [New] keep what transform makes of each object, as client-go's option of this name
// does; in transactions, too. The key is that of the object before. It runs with no lock held. An error of it is
// returned by the method that was to store the object. [NewThreadSafeStore] has no use for it.
func WithTransformer(transform cache.TransformFunc) Option {
	return func(c *config) { c.transform = transform }
}

// WithMetrics makes a store report its resource version to a gauge of the provider, as client-go's WithStoreMetrics
// does, if id is reserved and the provider is not nil. The gauge is set after each change of the resource version, in
// order, while other writers wait.
func WithMetrics(id cache.InformerNameAndResource, provider cache.InformerMetricsProvider) Option {
	return func(c *config) { c.id, c.metrics = id, provider }
}

// gaugeOf returns the gauge for the resource version, or nil.
func gaugeOf(c config) cache.GaugeMetric {
	if c.metrics == nil || !c.id.Reserved() {
		return nil
	}
	return c.metrics.NewStoreResourceVersionMetric(c.id)
}
