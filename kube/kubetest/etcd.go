package kubetest

import (
	"context"
	"fmt"
	"net/url"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
)

// startEtcd starts an etcd with one member, whose data is in dir, and returns it when it is ready, with its address.
// Nothing is synced to disk: data outlives the API server, not the process.
func startEtcd(ctx context.Context, dir string) (etcd *embed.Etcd, address string, err error) {
	c := embed.NewConfig()
	c.Dir = dir
	c.UnsafeNoFsync = true
	c.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	anyPort := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}} // the system chooses
	c.ListenClientUrls, c.AdvertiseClientUrls = anyPort, anyPort
	c.ListenPeerUrls, c.AdvertisePeerUrls = anyPort, anyPort
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	if etcd, err = embed.StartEtcd(c); err != nil {
		return nil, "", fmt.Errorf("kubetest: etcd: %w", err)
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return etcd, "http://" + etcd.Clients[0].Addr().String(), nil
	case err = <-etcd.Err():
	case <-ctx.Done():
		err = ctx.Err()
	}
	etcd.Close()
	return nil, "", fmt.Errorf("kubetest: etcd is not ready: %w", err)
}
