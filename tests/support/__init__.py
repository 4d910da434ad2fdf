"""What tests stand on: real servers, fresh databases and topics, and a way to wait."""
