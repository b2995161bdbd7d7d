from malaria.api.comparison_results import ComparisonResult as ComparisonResult
from malaria.api.comparison_results import SideBySideResult as SideBySideResult
from malaria.api.python_attack import attack as attack
from malaria.api.python_attack import attack_async as attack_async
from malaria.api.python_campaign import campaign as campaign
from malaria.api.python_campaign import capacity as capacity
from malaria.api.python_compare import compare as compare
from malaria.api.results import AttackResult as AttackResult
from malaria.api.results import CampaignResult as CampaignResult
from malaria.api.results import load as load

__version__: str
