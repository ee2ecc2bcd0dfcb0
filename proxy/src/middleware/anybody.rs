//! A directory for whoever builds a middleware only to see whether it can be built.

use std::sync::Arc;

use swarmgate_config::routing;

use super::Directory;
use crate::balance::{Balancer, Limits, Server, ServerKey, Transport};
use crate::snapshot::Route;

/// Everybody is there, and nobody will be asked.
#[derive(Clone, Copy, Debug)]
pub struct Anybody;

impl Directory for Anybody {
    fn service(&mut self, reference: &str) -> Result<Arc<Route>, String> {
        let balancer = Balancer::new(Vec::new(), true, None);
        Ok(Arc::new(Route::of_page(reference.into(), [].into(), balancer.into(), None)))
    }

    fn server(
        &mut self,
        url: String,
        tls: Option<routing::ServersTransport>,
    ) -> Result<Arc<Server>, String> {
        let transport = Transport {
            name: String::new(),
            tls: crate::tls::client_config(&tls.unwrap_or_default())?,
            server_name: None,
            limits: Limits::default(),
        };
        let key =
            ServerKey { url, preserve_path: false, transport: String::new(), vip_tasks: None };
        Server::build(key, &transport).map(Arc::new)
    }
}
