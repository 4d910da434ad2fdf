"""What pages and the api read. Every query takes the scope and narrows by it: what you may not see is not there."""
