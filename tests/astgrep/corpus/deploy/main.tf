resource "acme_service" "shop" {
  name            = "shop"
  request_timeout = 0
  idle_timeout    = 60
  options         = { "read_timeout" = -1 }
}
