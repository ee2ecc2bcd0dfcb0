//! A request at a router with routers below it (`parentRefs`): one of them takes it on.

use super::answered::Answered;
use super::service::Request;
use super::way::enter_below;
use crate::middleware::Rest;
use crate::respond;
use crate::route::Table;

/// Has the router answer whose rule is the first to hold, by its middlewares and what is behind
/// them. There is no way back to other routers: nobody's is 404.
pub async fn serve(request: &mut Request<'_>, children: &Table) -> Answered {
    let Some(way) = request.way.below(children, request.connection, request.head) else {
        return respond::not_found().into();
    };
    if let Some(route) = way.route() {
        enter_below(route, request.head, request.watched);
    }
    let mut below = Request {
        worker: request.worker,
        connection: request.connection,
        client: request.client,
        way: &way,
        head: request.head,
        body: request.body,
        watched: request.watched,
    };
    Rest::from(0).run(&mut below).await
}
