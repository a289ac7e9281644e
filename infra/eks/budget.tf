# An e-mail before the bill. It watches the whole account: a budget by tag sees nothing until the tag is activated for
# cost allocation, which takes a day, and would be silent exactly when it is needed first.

resource "aws_budgets_budget" "this" {
  count = length(var.budget_alert_emails) > 0 ? 1 : 0

  name         = var.name
  budget_type  = "COST"
  limit_amount = tostring(var.budget_limit_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"

  notification {
    comparison_operator        = "GREATER_THAN"
    notification_type          = "ACTUAL"
    threshold                  = 80
    threshold_type             = "PERCENTAGE"
    subscriber_email_addresses = var.budget_alert_emails
  }

  notification {
    comparison_operator        = "GREATER_THAN"
    notification_type          = "FORECASTED"
    threshold                  = 100
    threshold_type             = "PERCENTAGE"
    subscriber_email_addresses = var.budget_alert_emails
  }
}

check "budget" {
  assert {
    condition     = length(var.budget_alert_emails) > 0
    error_message = "Nobody is told of costs: set budget_alert_emails."
  }
}
