//! Names of servers -> addresses, without the C library (a static binary has no `getaddrinfo`).

use std::cell::OnceCell;
use std::net::IpAddr;

use hickory_resolver::TokioResolver;

/// A resolver per data-plane thread: system configuration, `/etc/hosts`, answers kept for their
/// time to live. It is built when the first name has to be resolved.
#[derive(Debug, Default)]
pub struct Resolver {
    inner: OnceCell<TokioResolver>,
}

impl Resolver {
    /// The addresses of `name`, in the order of preference; the error says why there are none.
    pub async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        if name.eq_ignore_ascii_case("localhost") {
            return Ok(vec![IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])]);
        }
        let resolver = match self.inner.get() {
            Some(resolver) => resolver,
            None => {
                let built = TokioResolver::builder_tokio()
                    .and_then(|builder| builder.build())
                    .map_err(|error| format!("the system's resolver settings: {error}"))?;
                self.inner.get_or_init(|| built)
            }
        };
        let answer = resolver.lookup_ip(name).await.map_err(|error| error.to_string())?;
        Ok(answer.iter().collect())
    }
}

#[cfg(test)]
mod tests;
