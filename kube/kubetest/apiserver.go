package kubetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"go.opentelemetry.io/otel/trace/noop"
	"k8s.io/apiextensions-apiserver/pkg/apiserver"
	crdinformers "k8s.io/apiextensions-apiserver/pkg/client/informers/externalversions/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/cmd/server/options"
	generatedopenapi "k8s.io/apiextensions-apiserver/pkg/generated/openapi"
	openapinamer "k8s.io/apiserver/pkg/endpoints/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/util/openapi"
	"k8s.io/apiserver/pkg/util/webhook"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
)

// An apiServer is one run of the server, from its start to its end.
type apiServer struct {
	listener *listener
	cancel   context.CancelFunc
	done     chan struct{} // closed when the server has ended
	err      error         // why; to be read after done
}

// runAPIServer runs a server on l, with its certificates in dir and its data in the etcd at address. It returns at once:
// the server is not ready then.
func runAPIServer(l *listener, dir, address string) (*apiServer, error) {
	config, err := configOf(l, dir, address)
	if err != nil {
		return nil, fmt.Errorf("kubetest: configuration: %w", err)
	}
	var server *apiserver.CustomResourceDefinitions // set before anything is served
	crds := func() crdinformers.CustomResourceDefinitionInformer {
		return server.Informers.Apiextensions().V1().CustomResourceDefinitions()
	}
	config.GenericConfig.BuildHandlerChainFunc = func(api http.Handler, c *genericapiserver.Config) http.Handler {
		return rootDiscovery(genericapiserver.DefaultBuildHandlerChain(api, c), crds)
	}
	if server, err = config.Complete().New(genericapiserver.NewEmptyDelegate()); err != nil {
		return nil, fmt.Errorf("kubetest: API server: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &apiServer{listener: l, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		s.err = server.GenericAPIServer.PrepareRun().RunWithContext(ctx)
	}()
	return s, nil
}

// kill ends the server as far as clients can see, at once, and then waits until it has tidied up.
func (s *apiServer) kill() error {
	s.listener.cutOff()
	s.cancel()
	<-s.done
	if errors.Is(s.err, net.ErrClosed) {
		return nil // of the listener
	}
	return s.err
}

// configOf sets up what a server of custom resources needs, and leaves out what needs the rest of a cluster.
func configOf(l *listener, dir, etcd string) (*apiserver.Config, error) {
	o := options.NewCustomResourceDefinitionsServerOptions(io.Discard, io.Discard)
	serving := o.RecommendedOptions.SecureServing
	serving.Listener = l
	serving.BindAddress = net.IPv4(127, 0, 0, 1)
	serving.BindPort = l.Addr().(*net.TCPAddr).Port
	serving.ExternalAddress = serving.BindAddress
	serving.ServerCert.CertDirectory = dir
	o.RecommendedOptions.Etcd.StorageConfig.Transport.ServerList = []string{etcd}
	if err := o.Complete(); err != nil {
		return nil, err
	}
	if err := serving.MaybeDefaultWithSelfSignedCerts("localhost", nil, []net.IP{serving.BindAddress}); err != nil {
		return nil, err
	}
	generic := genericapiserver.NewRecommendedConfig(apiserver.Codecs)
	for _, apply := range []func() error{
		func() error { return o.ServerRunOptions.ApplyTo(&generic.Config) },
		func() error { return o.RecommendedOptions.Etcd.ApplyTo(&generic.Config) },
		func() error { return serving.ApplyToConfig(&generic.Config) },
		func() error {
			return o.APIEnablement.ApplyTo(&generic.Config, apiserver.DefaultAPIResourceConfigSource(), apiserver.Scheme)
		},
	} {
		if err := apply(); err != nil {
			return nil, err
		}
	}
	definitions := openapi.GetOpenAPIDefinitionsWithoutDisabledFeatures(generatedopenapi.GetOpenAPIDefinitions)
	namer := openapinamer.NewDefinitionNamer(apiserver.Scheme, scheme.Scheme)
	generic.OpenAPIConfig = genericapiserver.DefaultOpenAPIConfig(definitions, namer)
	generic.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(definitions, namer)
	generic.SharedInformerFactory = informers.NewSharedInformerFactory(fake.NewClientset(), 0) // nobody asks it
	return &apiserver.Config{
		GenericConfig: generic,
		ExtraConfig: apiserver.ExtraConfig{
			CRDRESTOptionsGetter: options.NewCRDRESTOptionsGetter(*o.RecommendedOptions.Etcd,
				generic.ResourceTransformers, generic.StorageObjectCountTracker),
			ServiceResolver: noServices{},
			AuthResolverWrapper: webhook.NewDefaultAuthenticationInfoResolverWrapper(nil, nil,
				generic.LoopbackClientConfig, noop.NewTracerProvider()),
		},
	}, nil
}

// noServices refuses to find the services of conversion webhooks.
type noServices struct{}

func (noServices) ResolveEndpoint(namespace, name string, port int32) (*url.URL, error) {
	return nil, fmt.Errorf("kubetest: service %s/%s:%d: there are no services here", namespace, name, port)
}
